export interface OptionSpec {
  /** One letter, or undefined where there is a long name alone. */
  readonly letter: string | undefined
  readonly long: string
  /** The name of its value in the help, or undefined when it takes none. */
  readonly argument: string | undefined
}

export interface GivenOption<Spec extends OptionSpec> {
  readonly spec: Spec
  /** The empty text for an option that takes no value. */
  readonly value: string
}

export interface CommandLine<Spec extends OptionSpec> {
  /** In the order of the command line. */
  readonly options: readonly GivenOption<Spec>[]
  readonly operands: readonly string[]
  /** What is wrong with it, ready to be shown. */
  readonly errors: readonly string[]
}

/**
 * Takes a command line apart as getopt_long(3) of GNU does: `-vf`, `-cFILE`, `-c FILE`, `-vfc FILE`, `--config FILE` and
 * `--config=FILE`; operands may stand in between, and what is behind `--` is an operand. Long names are not abbreviated.
 */
export function getopt<Spec extends OptionSpec>(
  argv: readonly string[],
  specs: readonly Spec[],
): CommandLine<Spec> {
  const options: GivenOption<Spec>[] = []
  const operands: string[] = []
  const errors: string[] = []
  const rest = [...argv]

  const take = (spec: Spec, written: string, attached: string | undefined): void => {
    if (spec.argument === undefined) {
      if (attached === undefined) options.push({ spec, value: '' })
      else errors.push(`option ${written} takes no value`)
      return
    }
    const value = attached ?? rest.shift()
    if (value === undefined) errors.push(`option ${written} needs a value: ${spec.argument}`)
    else options.push({ spec, value })
  }

  const takeLong = (word: string): void => {
    const [written = '', ...attached] = word.split('=')
    const spec = specs.find(({ long }) => `--${long}` === written)
    if (spec === undefined) errors.push(`unknown option ${written}`)
    else take(spec, written, attached.length === 0 ? undefined : attached.join('='))
  }

  const takeLetters = (letters: string): void => {
    const [first = '', ...others] = letters
    const spec = specs.find(({ letter }) => letter === first)
    const attached = others.join('')
    if (spec === undefined) {
      errors.push(`unknown option -${first}`)
    } else if (spec.argument === undefined) {
      take(spec, `-${first}`, undefined)
      if (attached !== '') takeLetters(attached)
    } else {
      take(spec, `-${first}`, attached === '' ? undefined : attached)
    }
  }

  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') operands.push(...rest.splice(0))
    else if (word.startsWith('--')) takeLong(word)
    else if (word.startsWith('-') && word !== '-') takeLetters(word.slice(1))
    else operands.push(word)
  }
  return { options, operands, errors }
}
