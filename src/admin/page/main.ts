import { byId, setText } from './elements.ts'
import { showHistory, showSnapshot } from './sections.ts'
import type { Sample, Snapshot } from './status-view.ts'

/** A snapshot comes every second; a proxy that hangs leaves the connection open and silent. */
const SILENCE_MS = 5_000
const KEPT_SAMPLES = 360

let samples: readonly Sample[] = []
let last: Snapshot | undefined
let isPaused = false
let silence: ReturnType<typeof setTimeout> | undefined

function show(): void {
  if (isPaused || last === undefined) return
  showHistory(samples)
  showSnapshot(last)
}

function setLive(isLive: boolean): void {
  const link = byId('link')
  link.dataset['look'] = isLive ? 'good' : 'bad'
  document.body.classList.toggle('stale', !isLive)
  setText(
    link,
    isLive ? 'live' : 'The connection to the proxy is lost. What is shown is old; trying again.',
  )
}

function heard(): void {
  clearTimeout(silence)
  silence = setTimeout(() => setLive(false), SILENCE_MS)
  setLive(true)
}

const source = new EventSource('/events')
source.addEventListener('error', () => setLive(false))
source.addEventListener('history', ({ data }: MessageEvent<string>) => {
  samples = JSON.parse(data) as readonly Sample[]
  showHistory(samples)
})
source.addEventListener('sample', ({ data }: MessageEvent<string>) => {
  samples = [...samples, JSON.parse(data) as Sample].slice(-KEPT_SAMPLES)
  if (!isPaused) showHistory(samples)
})
source.addEventListener('snapshot', ({ data }: MessageEvent<string>) => {
  last = JSON.parse(data) as Snapshot
  heard()
  if (!isPaused) showSnapshot(last)
})

const pause = byId('pause')
pause.addEventListener('click', () => {
  isPaused = !isPaused
  pause.setAttribute('aria-pressed', `${isPaused}`)
  show()
})
