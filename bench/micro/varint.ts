/** Varints of each length, written and read; a record has five of them, nearly all of one byte. */
import { readVarint, varintEnd, varintSize, writeVarint } from '../../src/log/record/varint.ts'
import { measure } from './measure.ts'

const COUNT = 10_000

for (const [length, value] of [
  [1, 5],
  [2, 300],
  [3, 100_000],
  [5, 2 ** 30],
] as const) {
  const bytes = Buffer.alloc(COUNT * length)
  measure(`write a varint of ${length}`, COUNT, 0, () => {
    for (let at = 0; at < bytes.length; ) at = writeVarint(bytes, at, value)
  })
  let sum = 0
  measure(`read a varint of ${length}`, COUNT, 0, () => {
    for (let at = 0; at < bytes.length; at = varintEnd(bytes, at, bytes.length)) sum += readVarint(bytes, at)
  })
  measure(`size of a varint of ${length}`, COUNT, 0, () => {
    for (let i = 0; i < COUNT; i++) sum += varintSize(value)
  })
  if (sum === 0) throw new Error('nothing was read')
}
