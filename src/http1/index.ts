export { chooseMediaType } from './accept.ts'
export { type BasicCredentials, formatBasicCredentials, parseBasicCredentials } from './basic.ts'
export { type Challenge, parseChallenges } from './challenges.ts'
export { ChunkedDecoder, chunkHeader, lastChunk } from './chunked.ts'
export { type BodyFraming, contentLength, isPersistent, responseFraming } from './framing.ts'
export type { RequestHead, ResponseHead } from './head.ts'
export {
  arePlain,
  FieldNames,
  getAllHeaders,
  getHeader,
  hasHeader,
  hasListToken,
  listTokens,
  type RawHeaders,
  replaceHeader,
  setHeader,
  withoutHeaders,
} from './headers.ts'
export { endToEndRequestHeaders, endToEndResponseHeaders, endToEndTrailers } from './hop-by-hop.ts'
export { formatHttpDate, parseHttpDate } from './http-date.ts'
export { DEFAULT_LIMITS, type ParserLimits } from './limits.ts'
export { isOwnError } from './own-error.ts'
export { formatProxyStatus, type ProxyStatus } from './proxy-status.ts'
export { demandedWaitMs, isRateLimited, wasPassedOn } from './rate-limit.ts'
export { type AbsoluteForm, parseAbsoluteForm, parseAuthorityForm } from './request-target.ts'
export { isSquids } from './product.ts'
export { type ResponseHandler, ResponseParser } from './response-parser.ts'
export { serializeRequestHead, serializeResponseHead } from './serialize.ts'
export { appendVia, viaNames } from './via.ts'
