import { beforeEach, expect, test, vi } from 'vitest'
import type { WriteBack } from '../../../src/log/segment/write-back.ts'

const MiB = 1024 * 1024
const steps: { fd: number; offset: number; length: number }[] = []
let endStep = () => {}
let make: (fd: number, position: number) => WriteBack

vi.mock('../../../src/log/file/posix.ts', () => ({
  startWriteback: (fd: number, offset: number, length: number) => {
    steps.push({ fd, offset, length })
    return new Promise<void>(end => {
      endStep = end
    })
  },
}))

// What runs is known to the module, so each test has one of its own.
beforeEach(async () => {
  steps.length = 0
  vi.resetModules()
  const module = await import('../../../src/log/segment/write-back.ts')
  make = (fd, position) => new module.WriteBack(fd, position)
})

test('a step is 8 MiB or more, and begins where the log was opened', () => {
  const writeBack = make(7, 100)
  expect(writeBack.writtenUpTo(100 + 8 * MiB - 1)).toBeUndefined()
  expect(writeBack.writtenUpTo(100 + 9 * MiB)).toBeInstanceOf(Promise)
  expect(steps).toEqual([{ fd: 7, offset: 100, length: 9 * MiB }])
})

test('the next step begins where the one before it ended, when that is over', async () => {
  const writeBack = make(7, 0)
  const step = writeBack.writtenUpTo(8 * MiB)
  expect(writeBack.writtenUpTo(18 * MiB)).toBeUndefined()
  endStep()
  await step
  expect(writeBack.writtenUpTo(19 * MiB)).toBeInstanceOf(Promise)
  expect(steps[1]).toEqual({ fd: 7, offset: 8 * MiB, length: 11 * MiB })
})

test('no two steps run at once, whatever the file', async () => {
  const [one, other] = [make(1, 0), make(2, 0)]
  const step = one.writtenUpTo(8 * MiB)
  expect(other.writtenUpTo(30 * MiB)).toBeUndefined()
  endStep()
  await step
  expect(other.writtenUpTo(30 * MiB)).toBeInstanceOf(Promise)
  expect(steps.map(({ fd }) => fd)).toEqual([1, 2])
})
