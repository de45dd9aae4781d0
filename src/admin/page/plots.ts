import type { Sample, SampledHealth } from './status-view.ts'

const SVG = 'http://www.w3.org/2000/svg'

/** One unit of width is a sample of ten seconds. An hour is shown at most, and five minutes at least. */
const LEAST_WIDTH = 30
const HEIGHT = 60

/** How many samples the width of a plot stands for, when there are so many. */
export function plotWidth(samples: number): number {
  return Math.max(samples, LEAST_WIDTH)
}

/** A line that ends at the right; a gap where there is no value. Fills the element's width. */
export function drawLine(svg: Element, values: readonly (number | undefined)[]): void {
  const highest = Math.max(...values.map(value => value ?? 0), Number.MIN_VALUE)
  const width = plotWidth(values.length)
  const first = width - values.length
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
  prepare(svg, width, HEIGHT)
  if (path.parentNode === null) svg.append(path)
}

/** The health of an upstream over the time of the samples, one piece for each stretch of the same. */
export function healthStrip(samples: readonly Sample[], label: string, words: string): Element {
  const width = plotWidth(samples.length)
  const strip = make('svg', { class: 'strip', role: 'img', 'aria-label': words })
  prepare(strip, width, 10)
  const title = make('title', {})
  title.textContent = words
  strip.append(title)
  const first = width - samples.length
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

function prepare(svg: Element, width: number, height: number): void {
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`)
  svg.setAttribute('preserveAspectRatio', 'none')
}

function make(name: string, attributes: Readonly<Record<string, string>>): Element {
  const element = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  return element
}
