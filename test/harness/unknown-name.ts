/**
 * A name without an address, as every host can tell by itself: resolvers refuse a label that begins with a hyphen
 * (RFC 952) and ask nobody. For other names the answer, and its time, would be those of the name server at hand.
 */
export const UNKNOWN_NAME = '-nowhere.invalid'
