import { expect, test } from 'vitest'
import { type Column, formatRows } from '../../src/cli/table.ts'

interface Row {
  name: string
  bytes?: number
}
const columns: Column<Row>[] = [
  { heading: 'TOPIC', value: row => row.name },
  {
    heading: 'BYTES',
    align: 'right',
    value: row => row.bytes,
    show: row => (row.bytes === undefined ? '' : `${row.bytes} B`),
  },
]
const rows: Row[] = [{ name: 'events', bytes: 1234 }, { name: 'a' }]

test('elsewhere than on a terminal: tabs, exact values, no headings', async () => {
  expect(await formatRows(rows, columns, { terminal: false })).toBe('events\t1234\na\t-')
  expect(await formatRows([], columns, { terminal: false })).toBe('')
})

test('a value can not break its line or column', async () => {
  expect(await formatRows([{ name: 'a\tb\n' }], columns, { terminal: false })).toBe('a\\tb\\n\t-')
})

test('on a terminal: headings and aligned columns, in colour only if wanted', async () => {
  const table = await formatRows(rows, columns, { terminal: true, color: 'never' })
  expect(table.split('\n')).toEqual(['TOPIC    BYTES', 'events  1234 B', 'a'])
  expect(await formatRows(rows, columns, { terminal: true, color: 'always' })).toContain('\u001b[1mTOPIC')
})
