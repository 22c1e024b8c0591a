// A process of its own for checkpoint tests: raises the lines of its partitions, one at a time, from 1 to a number.
// Parameters: the data directory, the checkpoint's name, its first partition, how many, the last offset.
import { partitionKey, updateOffsetCheckpoint } from '../../src/log/file/offset-checkpoint.ts'

const [directory, file, first, count, last] = process.argv.slice(2)
const partitions = Array.from({ length: Number(count) }, (_, n) => Number(first) + n)

for (let offset = 1; offset <= Number(last); offset++) {
  for (const partition of partitions) {
    const changes = new Map([[partitionKey('t', partition), offset]])
    await updateOffsetCheckpoint(directory!, file!, changes, { durable: false })
  }
}
