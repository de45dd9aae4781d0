/** What is shown comes from clients and upstreams: it goes into the page as text alone, never as markup. */

export function byId(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no ${id}`)
  return found
}

/** Leaves a text alone that is there already, so that a selection stays and nothing is read out again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

export interface Column {
  readonly name: string
  /** How the cell stands out. */
  readonly look?: 'number' | 'text' | 'wide'
}

export type Cell = string | { readonly text: string; readonly look: string } | Element

/**
 * A table whose rows are written over instead of made anew. On narrow screens a row becomes a card, and browsers forget then that it was
 * one: hence the roles.
 */
export class Table {
  readonly #columns: readonly Column[]
  readonly #body: HTMLTableSectionElement
  readonly #empty: string

  /** @param empty what is said when there are no rows. */
  constructor(id: string, columns: readonly Column[], empty: string) {
    const table = byId(id)
    this.#columns = columns
    this.#empty = empty
    table.setAttribute('role', 'table')
    const head = document.createElement('thead')
    const row = withRole(document.createElement('tr'), 'row')
    for (const { name, look } of columns) {
      const cell = withRole(document.createElement('th'), 'columnheader')
      cell.scope = 'col'
      cell.textContent = name
      if (look !== undefined) cell.className = look
      row.append(cell)
    }
    head.append(row)
    withRole(head, 'rowgroup')
    this.#body = withRole(document.createElement('tbody'), 'rowgroup')
    table.append(head, this.#body)
  }

  fill(rows: readonly (readonly Cell[])[]): void {
    const shown: readonly (readonly Cell[])[] = rows.length === 0 ? [[this.#empty]] : rows
    while (this.#body.rows.length > shown.length) this.#body.deleteRow(-1)
    shown.forEach((cells, index) => {
      const known = this.#body.rows.item(index)
      const row =
        known?.cells.length === cells.length
          ? known
          : this.#newRow(cells.length, known ?? undefined)
      cells.forEach((cell, column) => {
        const element = row.cells.item(column)
        if (element !== null) fillCell(element, cell)
      })
    })
  }

  #newRow(width: number, replaced: Element | undefined): HTMLTableRowElement {
    const row = withRole(document.createElement('tr'), 'row')
    const isWhole = width === this.#columns.length
    for (let column = 0; column < width; column++) {
      const cell = withRole(document.createElement('td'), 'cell')
      const { look, name } = this.#columns[column] ?? { name: '' }
      if (isWhole) cell.dataset['label'] = name
      else cell.colSpan = this.#columns.length
      cell.className = isWhole ? (look ?? '') : 'empty'
      row.append(cell)
    }
    if (replaced === undefined) this.#body.append(row)
    else replaced.replaceWith(row)
    return row
  }
}

function fillCell(element: HTMLElement, cell: Cell): void {
  if (cell instanceof Element) {
    if (element.firstChild !== cell) element.replaceChildren(cell)
    return
  }
  const { look, text } = typeof cell === 'string' ? { look: undefined, text: cell } : cell
  if (look === undefined) delete element.dataset['look']
  else element.dataset['look'] = look
  setText(element, text)
}

function withRole<E extends Element>(element: E, role: string): E {
  element.setAttribute('role', role)
  return element
}
