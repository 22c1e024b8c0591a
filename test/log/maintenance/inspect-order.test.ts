import { expect, test } from 'vitest'
import { EpochOrder } from '../../../src/log/maintenance/inspect-epochs.ts'
import { OffsetOrder } from '../../../src/log/maintenance/inspect-order.ts'

/** [first offset, last offset] of batches at bytes 0, 100, 200 … */
function findings(batches: [number, number][], { isDense = true, firstOffset = 0, next = -1 } = {}) {
  const order = new OffsetOrder('log', firstOffset)
  batches.forEach(([baseOffset, lastOffset], n) => {
    order.batch({ position: n * 100, baseOffset, lastOffset, leaderEpoch: 0 })
  })
  if (next >= 0) order.end(batches.length * 100, next)
  return [...order.findings, ...order.gapFindings(isDense)].map(
    ({ message, position, firstOffset, lastOffset, verdict }) => {
      return `${verdict} ${position ?? ''} ${firstOffset ?? ''}-${lastOffset ?? ''} ${message}`
    },
  )
}

test('offsets that follow each other are right', () => {
  expect(
    findings(
      [
        [0, 4],
        [5, 5],
        [6, 20],
      ],
      { next: 21 },
    ),
  ).toEqual([])
})

test('a gap is a loss in a log that was never compacted, and a note in any other', () => {
  expect(
    findings([
      [0, 4],
      [10, 12],
    ]),
  ).toEqual(['damaged 100 5-9 missing offsets before this byte'])
  expect(
    findings(
      [
        [0, 4],
        [10, 12],
      ],
      { isDense: false },
    ),
  ).toEqual(['clean  - a gap in the offsets, 5 in all, the first at 5: compaction leaves such'])
  expect(findings([[3, 4]])).toEqual(['damaged 0 0-2 missing offsets before this byte'])
  expect(findings([[0, 4]], { next: 10 })).toEqual(['damaged 100 5-9 missing offsets before this byte'])
})

test('of many gaps the first are told and the others counted', () => {
  const told = findings(Array.from({ length: 20 }, (_, n): [number, number] => [n * 2, n * 2]))
  expect(told).toHaveLength(9)
  expect(told.at(-1)).toContain('11 more gaps')
})

test('a base offset that jumped ahead is told from its neighbours', () => {
  expect(
    findings([
      [0, 4],
      [1005, 1009],
      [10, 14],
    ]),
  ).toEqual(['damaged 100 1005-1009 wrong base offset, expected 5, found 1005'])
})

test('a base offset that went back is wrong, and the batch behind it is not', () => {
  expect(
    findings([
      [0, 4],
      [1, 5],
      [10, 14],
    ]),
  ).toEqual(['damaged 100 1-5 wrong base offset, expected 5 or more, found 1'])
  expect(
    findings([
      [0, 4],
      [1, 5],
      [2, 3],
      [10, 14],
    ]),
  ).toHaveLength(2)
})

test('behind damage the offsets may go on anywhere above', () => {
  const order = new OffsetOrder('log', 0)
  order.batch({ position: 0, baseOffset: 0, lastOffset: 4, leaderEpoch: 0 })
  order.damage()
  order.batch({ position: 200, baseOffset: 30, lastOffset: 34, leaderEpoch: 0 })
  expect([order.findings, order.gapCount]).toEqual([[], 0])
  order.damage()
  order.batch({ position: 300, baseOffset: 10, lastOffset: 12, leaderEpoch: 0 })
  expect(order.findings).toHaveLength(1)
})

function epochFindings(epochs: number[], checkpoint: [epoch: number, startOffset: number][] = []) {
  const order = new EpochOrder('log')
  epochs.forEach((leaderEpoch, n) => {
    order.batch({ position: n * 100, baseOffset: n, lastOffset: n, leaderEpoch })
  })
  return order.findings(checkpoint.map(([epoch, startOffset]) => ({ epoch, startOffset }))).map(finding => {
    return `${finding.position}: ${finding.message}`
  })
}

test('leader epochs that go up are right, as are none', () => {
  expect(epochFindings([0, 0, 1, 3, 3])).toEqual([])
  expect(epochFindings([-1, -1, 0, -1, 0])).toEqual([])
  expect(
    epochFindings(
      [0, 0, 2, 2],
      [
        [0, 0],
        [2, 2],
      ],
    ),
  ).toEqual([])
})

test('one batch with another epoch than those around it is wrong', () => {
  expect(epochFindings([4, 4, 36, 4, 5])).toEqual(['200: wrong leader epoch, expected 4 as before, found 36'])
  expect(epochFindings([4, 4, 0, 4])).toEqual(['200: wrong leader epoch, expected 4 as before, found 0'])
  // Nobody can tell which side is right.
  expect(epochFindings([50, 50, 2, 2])).toEqual([])
})

test('the checkpoint tells also the first and the last batch, but nothing below its first entry', () => {
  const message = 'wrong leader epoch, expected 0 as leader-epoch-checkpoint says, found'
  expect(epochFindings([0, 0, 8], [[0, 0]])).toEqual([`200: ${message} 8`])
  expect(epochFindings([8, 0, 0], [[0, 0]])).toEqual([`0: ${message} 8`])
  expect(epochFindings([50, 50, 2, 2], [[2, 2]])).toEqual([])
  // An epoch that began in the middle of what the batches call one.
  expect(
    epochFindings(
      [0, 0, 0],
      [
        [0, 0],
        [1, 2],
      ],
    ),
  ).toHaveLength(1)
})
