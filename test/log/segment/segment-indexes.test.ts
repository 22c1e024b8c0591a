import { truncateSync } from 'node:fs'
import { expect, test } from 'vitest'
import { batchOf, TestPartition } from '../../helpers/partition.ts'
import { freshIndexes, readIndexes } from '../../helpers/raw-segment.ts'

const LOG = '00000000000000000000.log'

test.each([
  ['timestamps from the first batch on', [5, 7, 6]],
  ['a first batch without a timestamp', [-1, 7, 6]],
  ['no timestamps at all', [-1, -1, -1]],
])('a time index that lost all its entries is built anew by the next writer: %s', async (_, timestamps) => {
  const partition = await TestPartition.create({ 'index.interval.bytes': 0 })
  const writer = await partition.writer()
  for (const timestamp of timestamps) await writer.append(batchOf(['x'], timestamp))
  await writer.close()
  truncateSync(partition.file(LOG.replace('log', 'timeindex')), 0)
  await partition.append([['y']], 9)
  expect(readIndexes(partition.file(LOG))).toEqual(freshIndexes(partition.file(LOG), 0, 0))
})
