/** An answer that breaks off must not look complete, which an end of the connection may mean: it is reset. */
export function breakOff(stream: { destroy(): unknown; resetAndDestroy?: () => unknown }): void {
  if (stream.resetAndDestroy === undefined) stream.destroy()
  else stream.resetAndDestroy()
}
