import { trimOws } from './grammar.ts'

interface Range {
  readonly type: string
  readonly quality: number
  /** Its position in the field. */
  readonly at: number
}

interface Preference {
  readonly quality: number
  readonly specificity: number
  readonly at: number
}

const MAX_RANGES = 64

/**
 * The media type that suits an Accept field best (RFC 9110 section 12.5.1). The quality of the most specific matching
 * range decides; then its specificity, then its position in the field, then the order of `offered`. Parameters of
 * ranges are ignored.
 * @param offered lower-case, in order of preference.
 * @returns undefined where the field accepts none of them.
 */
export function chooseMediaType<T extends string>(
  accept: string | undefined,
  offered: readonly T[],
): T | undefined {
  if (accept === undefined) return offered[0]
  const ranges = accept.split(',', MAX_RANGES).map(parseRange)
  const rated = offered
    .map(type => ({ ...preferenceFor(type, ranges), type }))
    .filter(({ quality }) => quality > 0)
  rated.sort((a, b) => b.quality - a.quality || b.specificity - a.specificity || a.at - b.at)
  return rated[0]?.type
}

function parseRange(text: string, at: number): Range {
  const [type = '', ...parameters] = text.split(';').map(part => trimOws(part).toLowerCase())
  const weight = parameters.find(parameter => parameter.startsWith('q='))
  const isWeight = weight === undefined || /^q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight)
  return { type, quality: isWeight ? Number(weight?.slice(2) ?? 1) : 0, at }
}

function preferenceFor(type: string, ranges: readonly Range[]): Preference {
  const [group = ''] = type.split('/')
  const matching = ['*/*', `${group}/*`, type]
  const found = ranges
    .map(range => ({ ...range, specificity: matching.indexOf(range.type) }))
    .filter(({ specificity }) => specificity >= 0)
    .sort((a, b) => b.specificity - a.specificity)[0]
  return found ?? { quality: 0, specificity: -1, at: 0 }
}
