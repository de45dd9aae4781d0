import { rounded } from './statistics.ts'

export interface Line {
  readonly name: string
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

export interface ChartText {
  readonly title: string
  readonly x: string
  readonly y: string
}

const WIDTH = 720
const HEIGHT = 400
const PLOT = { left: 70, top: 50, right: 560, bottom: 350 }

/** Apart for those who see few colours too, on white and on black (Okabe and Ito's palette, without its black). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9']

/** Lines over a logarithmic x axis, as an SVG that is readable on light and dark pages. */
export function chart({ title, x, y }: ChartText, lines: readonly Line[]): string {
  const shown = lines.filter(({ points }) => points.length > 0)
  const points = shown.flatMap(line => line.points)
  const xs = [...new Set(points.map(point => point.x))].sort((a, b) => a - b)
  const [least = 1] = xs
  const span = Math.log((xs.at(-1) ?? 10) / least) || 1
  const top = niceAbove(Math.max(1, ...points.map(point => point.y)))
  const atX = (value: number): number =>
    PLOT.left + (Math.log(value / least) / span) * (PLOT.right - PLOT.left)
  const atY = (value: number): number => PLOT.bottom - (value / top) * (PLOT.bottom - PLOT.top)
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(share => share * top)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeXml(title)}" font-family="sans-serif" font-size="13">`,
    '<style>text{fill:#222}.grid{stroke:#ccc}@media (prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#555}}</style>',
    text(PLOT.left, 25, title, 'font-weight="bold"'),
    ...ticks.flatMap(value => [
      `<line class="grid" x1="${PLOT.left}" y1="${px(atY(value))}" x2="${PLOT.right}" y2="${px(atY(value))}"/>`,
      text(PLOT.left - 8, atY(value) + 4, rounded(value), 'text-anchor="end"'),
    ]),
    ...xs.map(value => text(atX(value), PLOT.bottom + 20, String(value), 'text-anchor="middle"')),
    text((PLOT.left + PLOT.right) / 2, PLOT.bottom + 40, x, 'text-anchor="middle"'),
    text(PLOT.left, PLOT.top - 8, y, ''),
    ...shown.flatMap((line, n) => drawLine(line, n, atX, atY)),
    '</svg>',
    '',
  ].join('\n')
}

function drawLine(
  { name, points }: Line,
  n: number,
  atX: (x: number) => number,
  atY: (y: number) => number,
): string[] {
  const colour = COLOURS[n % COLOURS.length] ?? ''
  const sorted = [...points].sort((a, b) => a.x - b.x)
  const path = sorted.map(({ x, y }) => `${px(atX(x))},${px(atY(y))}`).join(' ')
  const row = PLOT.top + 20 * n
  return [
    `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${path}"/>`,
    ...sorted.map(
      ({ x, y }) => `<circle cx="${px(atX(x))}" cy="${px(atY(y))}" r="3" fill="${colour}"/>`,
    ),
    `<rect x="${PLOT.right + 20}" y="${row - 10}" width="12" height="12" fill="${colour}"/>`,
    text(PLOT.right + 38, row, name, ''),
  ]
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${px(x)}" y="${px(y)}" ${attributes}>${escapeXml(content)}</text>`
}

function px(value: number): string {
  return value.toFixed(1)
}

/** 1, 2 or 5 times a power of ten. */
function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 5, 10].find(factor => factor * power >= value) ?? 10)
}

function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
