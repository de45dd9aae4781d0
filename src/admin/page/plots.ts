import type { Sample, SampledHealth } from './status-view.ts'

const SVG = 'http://www.w3.org/2000/svg'

/** The hour that is shown, in samples of ten seconds: one unit of width each. */
const WIDTH = 360
const HEIGHT = 60

/** A line over the last hour; a gap where there is no value. Fills the element's width. */
export function drawLine(svg: Element, values: readonly (number | undefined)[]): void {
  const highest = Math.max(...values.map(value => value ?? 0), Number.MIN_VALUE)
  const first = WIDTH - values.length
  const steps: string[] = []
  let isDrawing = false
  values.forEach((value, index) => {
    if (value !== undefined) {
      const y = HEIGHT - 2 - (value / highest) * (HEIGHT - 6)
      // A dot alone is a line of no length: its round ends show it.
      steps.push(
        `${isDrawing ? 'L' : 'M'}${first + index} ${y.toFixed(1)}${isDrawing ? '' : 'h0.01'}`,
      )
    }
    isDrawing = value !== undefined
  })
  const path = svg.querySelector('path') ?? make('path', {})
  path.setAttribute('d', steps.join(''))
  if (path.parentNode === null) prepare(svg, HEIGHT).append(path)
}

/** The health of an upstream over the last hour, one piece for each stretch of the same. */
export function healthStrip(samples: readonly Sample[], label: string, words: string): Element {
  const strip = prepare(make('svg', { class: 'strip', role: 'img', 'aria-label': words }), 10)
  const title = make('title', {})
  title.textContent = words
  strip.append(title)
  const first = WIDTH - samples.length
  for (const { at, health, length } of stretches(
    samples.map(({ upstreams }) => upstreams[label]),
  )) {
    const place = { x: `${first + at}`, y: '0', width: `${length}`, height: '10' }
    strip.append(make('rect', { ...place, class: health }))
  }
  return strip
}

interface Stretch {
  readonly at: number
  readonly length: number
  readonly health: SampledHealth
}

function stretches(values: readonly (SampledHealth | undefined)[]): Stretch[] {
  const found: Stretch[] = []
  let began = 0
  values.forEach((health, index) => {
    if (index > 0 && values[index - 1] !== health) began = index
    if (health !== undefined && values[index + 1] !== health)
      found.push({ at: began, length: index + 1 - began, health })
  })
  return found
}

function prepare(svg: Element, height: number): Element {
  svg.setAttribute('viewBox', `0 0 ${WIDTH} ${height}`)
  svg.setAttribute('preserveAspectRatio', 'none')
  return svg
}

function make(name: string, attributes: Readonly<Record<string, string>>): Element {
  const element = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  return element
}
