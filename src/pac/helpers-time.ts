/**
 * Sandbox source: the calendar. A range is two lists of numbers, the coarsest unit first, both ends included: hours 9
 * to 17 end at 17:59:59, as in browsers. A range whose end comes before its start wraps around the end of the day, week
 * or year.
 */
export const TIME_HELPERS = String.raw`
  const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']
  const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']

  function upper(value) {
    return String(value).toUpperCase()
  }

  // The arguments without a final GMT, and the time that it is in the zone that they mean.
  function readTimeArguments(values) {
    const gmt = upper(values.at(-1)) === 'GMT'
    const at = new Date()
    const shifted = gmt ? at : new Date(at.getTime() - at.getTimezoneOffset() * 60000)
    return { values: gmt ? values.slice(0, -1) : values, at: shifted }
  }

  function isWithin(first, now, last) {
    const started = compareNumbers(first, now) <= 0
    const ongoing = compareNumbers(now, last) <= 0
    return compareNumbers(first, last) <= 0 ? started && ongoing : started || ongoing
  }

  function halvesOf(values) {
    const middle = values.length / 2
    return [values.slice(0, middle), values.slice(middle)]
  }

  function weekdayRange(...all) {
    const { values, at } = readTimeArguments(all)
    const days = values.map(value => WEEKDAYS.indexOf(upper(value)))
    if (days.length < 1 || days.length > 2 || days.includes(-1)) return false
    return isWithin([days[0]], [at.getUTCDay()], [days.at(-1)])
  }

  function readDatePart(value) {
    const month = MONTHS.indexOf(upper(value))
    if (month >= 0) return { unit: 'month', number: month }
    const number = Number(value)
    if (!Number.isInteger(number) || number < 1) return { unit: 'none' }
    return { unit: number <= 31 ? 'day' : 'year', number }
  }

  function dateRange(...all) {
    const { values, at } = readTimeArguments(all)
    const parts = values.map(readDatePart)
    const unitsOf = list => list.map(({ unit }) => unit).join()
    const [head, tail] = halvesOf(parts)
    // One date alone, like 24 DEC, is a range of itself.
    const isRange = parts.length % 2 === 0 && unitsOf(head) === unitsOf(tail)
    const [start, end] = isRange ? [head, tail] : [parts, parts]
    const today = { year: at.getUTCFullYear(), month: at.getUTCMonth(), day: at.getUTCDate() }
    const units = Object.keys(today).filter(unit => start.some(part => part.unit === unit))
    if (units.length === 0 || units.length !== start.length) return false
    const numbersOf = list => units.map(unit => list.find(part => part.unit === unit).number)
    const [first, last] = [numbersOf(start), numbersOf(end)]
    // Months come round again, years do not.
    if (units[0] === 'year' && compareNumbers(first, last) > 0) return false
    return isWithin(first, units.map(unit => today[unit]), last)
  }

  function timeRange(...all) {
    const { values, at } = readTimeArguments(all)
    const numbers = values.map(Number)
    const [first, last] = numbers.length === 1 ? [numbers, numbers] : halvesOf(numbers)
    if (![1, 2, 4, 6].includes(numbers.length) || !numbers.every(Number.isInteger)) return false
    const now = [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()]
    return isWithin(first, now.slice(0, first.length), last)
  }
`
