import t from 'tap'
import { applyPlan, entryAfter, type FileState, undo } from '../../../src/setup/change.ts'
import type { PlannedFile, Setting } from '../../../src/setup/plan.ts'
import type { WrittenFile } from '../../../src/setup/record.ts'

const PATH = '/home/u/.npmrc'

/** A file, its backups and its entry in the record, as the command line would keep them. */
class Place {
  text: string | undefined
  entry: WrittenFile | undefined
  readonly backups = new Map<string, string>()
  constructor(text: string | undefined) {
    this.text = text
  }

  get state(): FileState {
    const { text, entry, backups } = this
    return { text, entry, readBackup: path => backups.get(path) }
  }

  /** @returns whether a backup was made */
  write(target: string, values: Readonly<Record<string, string>>): boolean {
    const settings: Setting[] = Object.entries(values).map(([name, value]) => ({
      key: [name],
      value,
    }))
    const planned: PlannedFile = { path: PATH, why: '', format: 'npmrc', mode: 0o600, settings }
    const { state } = this
    const { text, needsBackup } = applyPlan(planned, target, state)
    if (text === state.text && state.entry === undefined) return false
    const backup =
      needsBackup && text !== state.text ? `${PATH}.backup-${this.backups.size}` : undefined
    if (backup !== undefined) this.backups.set(backup, state.text ?? '')
    this.entry = entryAfter({ path: PATH, target, planned, state, text, backup, directories: [] })
    this.text = text
    return backup !== undefined
  }

  undo(target: string): string {
    const result = undo(target, this.state)
    if (result.kind === 'restore' || result.kind === 'edit') this.text = result.text
    if (result.kind === 'delete') this.text = undefined
    if (result.kind !== 'nothing') this.entry = result.kind === 'edit' ? result.entry : undefined
    return result.kind
  }
}

t.test('an untouched file is restored, a file that was made is removed', async t => {
  const old = new Place('; mine\nproxy = old\nfund=false')
  t.ok(old.write('npm', { proxy: 'new', noproxy: 'x' }))
  t.equal(old.text, '; mine\nproxy=new\nfund=false\nnoproxy=x\n')
  t.equal(old.undo('npm'), 'restore')
  t.equal(old.text, '; mine\nproxy = old\nfund=false')

  const made = new Place(undefined)
  t.notOk(made.write('npm', { proxy: 'new' }))
  t.equal(made.undo('npm'), 'delete')
  t.equal(made.undo('npm'), 'nothing')
})

t.test('a second run changes nothing and makes no backup', async t => {
  const place = new Place('a=1\n')
  place.write('npm', { proxy: 'new' })
  const { text, entry } = place
  t.notOk(place.write('npm', { proxy: 'new' }))
  t.equal(place.text, text)
  t.same(place.entry, entry)
})

t.test('of a file that was changed since only our values go', async t => {
  const place = new Place('proxy=old\nnoproxy=o\n')
  place.write('npm', { proxy: 'new', noproxy: 'n', 'https-proxy': 'new' })
  place.text = `theirs=1\n${place.text?.replace('noproxy=n', 'noproxy=theirs') ?? ''}`
  const result = undo('npm', place.state)
  t.match(result, { kind: 'edit', kept: ['noproxy'], needsBackup: true, entry: undefined })
  t.equal(place.undo('npm'), 'edit')
  t.equal(place.text, 'theirs=1\nproxy=old\nnoproxy=theirs\n')
})

t.test('a file that was made and then added to is not removed', async t => {
  const place = new Place(undefined)
  place.write('npm', { proxy: 'new' })
  place.text = `${place.text ?? ''}theirs=1\n`
  t.equal(place.undo('npm'), 'edit')
  t.match(place.text, /^#.*\ntheirs=1\n$/)
})

t.test("another user's changes between two runs survive both", async t => {
  for (const before of ['proxy=old\n', undefined]) {
    const place = new Place(before)
    place.write('npm', { proxy: 'first' })
    place.text = `${place.text ?? ''}theirs=1\n`
    t.ok(place.write('npm', { proxy: 'second' }))
    t.equal(place.undo('npm'), 'edit')
    t.match(place.text, before === undefined ? /^#.*\ntheirs=1\n$/ : /^proxy=old\ntheirs=1\n$/)
  }
})

t.test("another user's change is not taken for ours by a run without effect", async t => {
  const place = new Place('a=1\n')
  place.write('npm', { proxy: 'new' })
  place.text = `${place.text ?? ''}theirs=1\n`
  place.write('npm', { proxy: 'new' })
  t.equal(place.undo('npm'), 'edit')
  t.equal(place.text, 'a=1\ntheirs=1\n')
})

t.test('what an earlier run wrote and nobody wants any more goes', async t => {
  const place = new Place('b=old\n')
  place.write('npm', { a: '1', b: '2' })
  place.write('npm', { a: '3' })
  t.equal(place.text, 'b=old\na=3\n')
  t.equal(place.undo('npm'), 'restore')
})

t.test('a value that two targets want stays until both are taken back', async t => {
  const place = new Place('x=1\n')
  place.write('one', { proxy: 'p', a: '1' })
  place.write('two', { proxy: 'p', b: '2' })
  t.equal(place.undo('one'), 'edit')
  t.equal(place.text, 'x=1\nproxy=p\nb=2\n')
  t.equal(place.undo('two'), 'restore')
  t.equal(place.text, 'x=1\n')
})

t.test('what stood there already is not ours', async t => {
  const place = new Place('proxy=p\n')
  t.notOk(place.write('npm', { proxy: 'p' }))
  t.equal(place.entry, undefined)
  t.equal(place.undo('npm'), 'nothing')
})

t.test('a file or a backup that is gone does no harm', async t => {
  const gone = new Place('a=1\n')
  gone.write('npm', { proxy: 'p' })
  gone.text = undefined
  t.equal(gone.undo('npm'), 'gone')
  const bare = new Place('proxy=old\n')
  bare.write('npm', { proxy: 'p' })
  bare.backups.clear()
  t.equal(bare.undo('npm'), 'edit')
  t.equal(bare.text, '')
})
