const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

const MONTH = `(${MONTHS.join('|')})`
const TIME = '([0-9]{2}):([0-9]{2}):([0-9]{2})'

/** The three formats of RFC 9110 section 5.6.7. The second and third are obsolete but must still be accepted. */
const IMF_FIXDATE = new RegExp(`^[a-z]{3}, ([0-9]{2}) ${MONTH} ([0-9]{4}) ${TIME} GMT$`, 'i')
const RFC850_DATE = new RegExp(`^[a-z]{6,9}, ([0-9]{2})-${MONTH}-([0-9]{2}) ${TIME} GMT$`, 'i')
const ASCTIME_DATE = new RegExp(`^[a-z]{3} ${MONTH} ([0-9 ][0-9]) ${TIME} ([0-9]{4})$`, 'i')

/** A two-digit year that seems further ahead than this is in the past century. */
const YEARS_AHEAD = 50

/** The format to send (RFC 9110 section 5.6.7). @param unixMs Unix time in ms. */
export function formatHttpDate(unixMs: number): string {
  return new Date(unixMs).toUTCString()
}

/**
 * Parses an HTTP date (RFC 9110 section 5.6.7). The name of the weekday is not checked against the date.
 * @param nowMs Unix time in ms, for two-digit years.
 * @returns Unix time in ms, or undefined if the text is not a date.
 */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  const fixed = IMF_FIXDATE.exec(text)
  if (fixed !== null) {
    const [, day, month, year, ...time] = fixed
    return unixMs(Number(year), month, day, time)
  }
  const old = RFC850_DATE.exec(text)
  if (old !== null) {
    const [, day, month, year, ...time] = old
    return unixMs(fullYear(Number(year), nowMs), month, day, time)
  }
  const [, month, day, hour, minute, second, year] = ASCTIME_DATE.exec(text) ?? []
  return unixMs(Number(year), month, day, [hour, minute, second])
}

function fullYear(twoDigits: number, nowMs: number): number {
  const thisYear = new Date(nowMs).getUTCFullYear()
  const year = thisYear - (thisYear % 100) + twoDigits
  return year > thisYear + YEARS_AHEAD ? year - 100 : year
}

function unixMs(
  year: number,
  monthName: string | undefined,
  dayText: string | undefined,
  time: readonly (string | undefined)[],
): number | undefined {
  const month = MONTHS.indexOf(monthName?.toLowerCase() ?? '')
  const day = Number(dayText)
  const [hour = NaN, minute = NaN, second = NaN] = time.map(Number)
  // 60 is a leap second.
  if (month < 0 || !(hour < 24 && minute < 60 && second <= 60)) return undefined
  const midnight = Date.UTC(year, month, day)
  if (new Date(midnight).getUTCDate() !== day) return undefined
  return midnight + ((hour * 60 + minute) * 60 + second) * 1_000
}
