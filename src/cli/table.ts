import type { ColourWhen } from './colour.ts'
import { paletteFor } from './colour.ts'
import { oneLine } from './error-report.ts'

export interface Column<Row> {
  heading: string
  align?: 'left' | 'right'
  /** For programs: the exact value. Undefined is printed as `-`. */
  value(row: Row): string | number | undefined
  /** For people: human sizes, local times. Default: the same as `value`. */
  show?(row: Row): string
}

/**
 * Rows for whoever reads them. On a terminal: a table with headings. Elsewhere: a line a row, its values divided by one tab,
 * without headings, so that `cut -f2`, `wc -l` and `while read` need no exception for a first line.
 */
export async function formatRows<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { terminal, color = 'auto' }: { terminal: boolean; color?: ColourWhen },
): Promise<string> {
  if (!terminal) return rows.map(row => columns.map(column => plainCell(column, row)).join('\t')).join('\n')
  const { default: Table } = await import('cli-table3')
  const palette = await paletteFor(color, { isTTY: true })
  const table = new Table({
    head: columns.map(column => palette.heading(column.heading)),
    colAligns: columns.map(column => column.align ?? 'left'),
    // Its own colours ignore --color and $NO_COLOR.
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    chars: noBorders,
  })
  for (const row of rows) table.push(columns.map(column => column.show?.(row) ?? plainCell(column, row)))
  return table
    .toString()
    .split('\n')
    .map(line => line.trimEnd())
    .join('\n')
}

function plainCell<Row>(column: Column<Row>, row: Row): string {
  return oneLine(String(column.value(row) ?? '-'))
}

const noBorders = Object.fromEntries(
  'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid middle'
    .split(' ')
    .map(name => [name, '']),
)
