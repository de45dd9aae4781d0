/**
 * The upper-case table of Windows 7 and later (the one that MS-UCODEREF refers to), as runs of four numbers: first
 * unit, last unit, step, and what to add. Node's tables differ from it in hundreds of characters.
 */
// prettier-ignore
const UPCASE_RUNS = [
  97, 122, 1, -32,  224, 246, 1, -32,  248, 254, 1, -32,  255, 255, 1, 121,  257, 303, 2, -1,
  307, 311, 2, -1,  314, 328, 2, -1,  331, 375, 2, -1,  378, 382, 2, -1,  384, 384, 1, 195,
  387, 389, 2, -1,  392, 392, 1, -1,  396, 396, 1, -1,  402, 402, 1, -1,  405, 405, 1, 97,
  409, 409, 1, -1,  410, 410, 1, 163,  414, 414, 1, 130,  417, 421, 2, -1,  424, 424, 1, -1,
  429, 429, 1, -1,  432, 432, 1, -1,  436, 438, 2, -1,  441, 441, 1, -1,  445, 445, 1, -1,
  447, 447, 1, 56,  454, 454, 1, -2,  457, 457, 1, -2,  460, 460, 1, -2,  462, 476, 2, -1,
  477, 477, 1, -79,  479, 495, 2, -1,  499, 499, 1, -2,  501, 501, 1, -1,  505, 543, 2, -1,
  547, 563, 2, -1,  572, 572, 1, -1,  578, 578, 1, -1,  583, 591, 2, -1,  592, 592, 1, 10783,
  593, 593, 1, 10780,  595, 595, 1, -210,  596, 596, 1, -206,  598, 599, 1, -205,
  601, 601, 1, -202,  603, 603, 1, -203,  608, 608, 1, -205,  611, 611, 1, -207,
  616, 616, 1, -209,  617, 617, 1, -211,  619, 619, 1, 10743,  623, 623, 1, -211,
  625, 625, 1, 10749,  626, 626, 1, -213,  629, 629, 1, -214,  637, 637, 1, 10727,
  640, 640, 1, -218,  643, 643, 1, -218,  648, 648, 1, -218,  649, 649, 1, -69,
  650, 651, 1, -217,  652, 652, 1, -71,  658, 658, 1, -219,  881, 883, 2, -1,  887, 887, 1, -1,
  891, 893, 1, 130,  940, 940, 1, -38,  941, 943, 1, -37,  945, 961, 1, -32,  963, 971, 1, -32,
  972, 972, 1, -64,  973, 974, 1, -63,  983, 983, 1, -8,  985, 1007, 2, -1,  1010, 1010, 1, 7,
  1016, 1016, 1, -1,  1019, 1019, 1, -1,  1072, 1103, 1, -32,  1104, 1119, 1, -80,
  1121, 1153, 2, -1,  1163, 1215, 2, -1,  1218, 1230, 2, -1,  1231, 1231, 1, -15,
  1233, 1315, 2, -1,  1377, 1414, 1, -48,  7545, 7545, 1, 35332,  7549, 7549, 1, 3814,
  7681, 7829, 2, -1,  7841, 7935, 2, -1,  7936, 7943, 1, 8,  7952, 7957, 1, 8,  7968, 7975, 1, 8,
  7984, 7991, 1, 8,  8000, 8005, 1, 8,  8017, 8023, 2, 8,  8032, 8039, 1, 8,  8048, 8049, 1, 74,
  8050, 8053, 1, 86,  8054, 8055, 1, 100,  8056, 8057, 1, 128,  8058, 8059, 1, 112,
  8060, 8061, 1, 126,  8064, 8071, 1, 8,  8080, 8087, 1, 8,  8096, 8103, 1, 8,  8112, 8113, 1, 8,
  8115, 8115, 1, 9,  8131, 8131, 1, 9,  8144, 8145, 1, 8,  8160, 8161, 1, 8,  8165, 8165, 1, 7,
  8179, 8179, 1, 9,  8526, 8526, 1, -28,  8560, 8575, 1, -16,  8580, 8580, 1, -1,
  9424, 9449, 1, -26,  11312, 11358, 1, -48,  11361, 11361, 1, -1,  11365, 11365, 1, -10795,
  11366, 11366, 1, -10792,  11368, 11372, 2, -1,  11379, 11379, 1, -1,  11382, 11382, 1, -1,
  11393, 11491, 2, -1,  11520, 11557, 1, -7264,  42561, 42591, 2, -1,  42595, 42605, 2, -1,
  42625, 42647, 2, -1,  42787, 42799, 2, -1,  42803, 42863, 2, -1,  42874, 42876, 2, -1,
  42879, 42887, 2, -1,  42892, 42892, 1, -1,  65345, 65370, 1, -32,
]

/** First unit, last unit, step: the units that Windows XP, and with it Samba, maps differently. */
// prettier-ignore
const XP_DIFFERENCES = [
  384, 384, 1,  405, 405, 1,  410, 410, 1,  414, 414, 1,  447, 447, 1,  505, 505, 1,
  537, 543, 2,  547, 563, 2,  572, 572, 1,  578, 578, 1,  583, 591, 2,  592, 593, 1,
  619, 619, 1,  625, 625, 1,  637, 637, 1,  640, 640, 1,  649, 649, 1,  652, 652, 1,
  881, 883, 2,  887, 887, 1,  891, 893, 1,  962, 962, 1,  983, 993, 2,  1010, 1010, 1,
  1016, 1016, 1,  1019, 1019, 1,  1104, 1104, 1,  1117, 1117, 1,  1163, 1167, 2,  1222, 1222, 1,
  1226, 1226, 1,  1230, 1231, 1,  1261, 1261, 1,  1271, 1271, 1,  1275, 1315, 2,  7545, 7545, 1,
  7549, 7549, 1,  7931, 7935, 2,  8064, 8071, 1,  8080, 8087, 1,  8096, 8103, 1,  8115, 8115, 1,
  8131, 8131, 1,  8179, 8179, 1,  8526, 8526, 1,  8580, 8580, 1,  11312, 11358, 1,
  11361, 11361, 1,  11365, 11366, 1,  11368, 11372, 2,  11379, 11379, 1,  11382, 11382, 1,
  11393, 11491, 2,  11520, 11557, 1,  42561, 42591, 2,  42595, 42605, 2,  42625, 42647, 2,
  42787, 42799, 2,  42803, 42863, 2,  42874, 42876, 2,  42879, 42887, 2,  42892, 42892, 1,
]

function* unitsOf(first: number, last: number, step: number): Generator<number> {
  for (let unit = first; unit <= last; unit += step) yield unit
}

function* rows(table: readonly number[], width: number): Generator<readonly number[]> {
  for (let at = 0; at < table.length; at += width) yield table.slice(at, at + width)
}

const UPPER = new Map<number, number>()
for (const [first = 0, last = 0, step = 1, delta = 0] of rows(UPCASE_RUNS, 4)) {
  for (const unit of unitsOf(first, last, step)) UPPER.set(unit, unit + delta)
}

const AMBIGUOUS = new Set<number>()
for (const [first = 0, last = 0, step = 1] of rows(XP_DIFFERENCES, 3)) {
  for (const unit of unitsOf(first, last, step)) AMBIGUOUS.add(unit)
}

function codeUnits(text: string): number[] {
  return Array.from({ length: text.length }, (_, index) => text.charCodeAt(index))
}

/** Upper case as in Windows: each UTF-16 unit is mapped by itself to one unit, the same in every locale. */
export function upcase(text: string): string {
  return codeUnits(text)
    .map(unit => String.fromCharCode(UPPER.get(unit) ?? unit))
    .join('')
}

/** Upper case of a to z only, as in cntlm. */
export function upcaseAscii(text: string): string {
  return text.replace(/[a-z]+/g, letters => letters.toUpperCase())
}

/** True when servers disagree about the upper case of `text`, and so about the hash of a user with that name. */
export function isCaseAmbiguous(text: string): boolean {
  return codeUnits(text).some(unit => AMBIGUOUS.has(unit))
}
