/** Record batches to lines: the read path's kernel; beside it the cursor, which whatever looks at records goes through. */
import { BatchHeader } from '../../src/log/record/batch-header.ts'
import { ValueCopier } from '../../src/log/record/copy-values.ts'
import { RecordCursor } from '../../src/log/record/record-cursor.ts'
import { batchOf } from './batches.ts'
import { measure } from './measure.ts'

for (const size of [10, 100, 1000]) {
  const { batch, count } = batchOf(size)
  const header = new BatchHeader()
  if (header.read(batch, 0, batch.length) !== 'whole') throw new Error('no batch')
  const output = Buffer.alloc(2 * batch.length)
  const copier = new ValueCopier({ delimiter: Buffer.from('\n') })
  measure(`copy values of ${size}`, count, count * size, () => {
    copier.open(header)
    copier.copy(output, 0)
  })
  const cursor = new RecordCursor()
  measure(`walk over records of ${size}`, count, count * size, () => {
    cursor.open(header)
    while (cursor.next());
    cursor.close()
  })
}
