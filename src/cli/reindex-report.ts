import { basename, dirname } from 'node:path'
import type { ReindexResult } from '../log/index.ts'
import { formatCount } from './sizes.ts'
import type { Column } from './table.ts'

export const reindexColumns: Column<ReindexResult>[] = [
  { heading: 'SEGMENT', value: row => row.path, show: row => `${basename(dirname(row.path))}/${basename(row.path)}` },
  { heading: 'INDEX', value: row => row.index },
  { heading: 'TIME INDEX', value: row => row.timeIndex },
  { heading: 'DONE', value: row => (row.isRebuilt ? 'rebuilt' : row.isStale ? 'stale' : 'nothing') },
  { heading: 'ENTRIES', align: 'right', value: row => row.entries, show: row => formatCount(row.entries) },
  { heading: 'TIME ENTRIES', align: 'right', value: row => row.timeEntries, show: row => formatCount(row.timeEntries) },
  {
    heading: 'BAD BYTES',
    align: 'right',
    value: row => row.badBytes,
    show: row => (row.badBytes === 0 ? '-' : formatCount(row.badBytes)),
  },
]
