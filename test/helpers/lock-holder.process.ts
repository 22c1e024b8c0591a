// A process of its own for lock tests; lock-process.ts starts it and speaks to it in lines.
import { createInterface } from 'node:readline'
import { LockFile } from '../../src/log/file/lock-file.ts'
import { exitNow, type LockMode } from '../../src/log/file/posix.ts'

const file = LockFile.open(process.argv[2]!)
const answer = (text: string) => process.stdout.write(`${text}\n`)
answer('open')

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, start, length, mode] = line.split(' ')
  const range = { start: Number(start), length: Number(length) }
  if (verb === 'try') answer(file.tryLock(range, mode as LockMode) ? 'held' : 'refused')
  else if (verb === 'unlock') {
    file.unlock(range)
    answer('unlocked')
  } else if (verb === 'wait') {
    // Answered twice: the second time when it has the lock.
    file.lock(range, mode as LockMode).then(() => answer('held'))
    answer('waiting')
  } else if (verb === 'exit-now') exitNow(7)
}
