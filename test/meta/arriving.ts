/** What the documents describe and the tables do not have yet. */
export const ARRIVING = {
  directives: ['NTLMToBasic', 'OriginBasic', 'OriginLogon', 'Pac', 'PacRefresh', 'PacTrust'],
  commands: ['pac'],
}
