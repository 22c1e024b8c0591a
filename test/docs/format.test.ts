import { expect, test } from 'vitest'
import { codeBlocks, readDocument } from '../helpers/documents.ts'

const page = readDocument('docs/format.md')

/** The bytes of the dump on the page, which documents.test.ts holds to what a log made there has. */
function dumpedLog(): Buffer {
  const block = codeBlocks(page).find(({ text }) => text.includes('--hex'))!
  const lines = [...block.text.matchAll(/^([0-9a-f]{8}) ((?: [0-9a-f]{2})+) {2,}\|/gm)]
  let at = 0
  const pieces = lines.map(([, position, hex]) => {
    expect(Number.parseInt(position!, 16)).toBe(at)
    const bytes = Buffer.from(hex!.replaceAll(' ', ''), 'hex')
    at += bytes.length
    return bytes
  })
  return Buffer.concat(pieces)
}

interface Row {
  at: number
  bytes: Buffer
}

/** The tables that explain bytes: a position, then hexadecimal digits. */
function explainedBytes(): Row[] {
  return [...page.matchAll(/^\| (\d+) \| `([0-9a-f ]+)` \|/gm)].map(([, at, hex]) => ({
    at: Number(at),
    bytes: Buffer.from(hex!.replaceAll(' ', ''), 'hex'),
  }))
}

test('the dump of the worked log is whole', () => {
  expect(dumpedLog().length).toBe(283)
})

test('what the tables explain stands in that log', () => {
  const log = dumpedLog()
  for (const { at, bytes } of explainedBytes()) {
    expect(log.subarray(at, at + bytes.length).toString('hex'), `byte ${at}`).toBe(bytes.toString('hex'))
  }
})

test('they leave out no byte of the first batch and of the second one’s record', () => {
  let end = 0
  for (const { at, bytes } of explainedBytes()) {
    expect(at === end || (end === 103 && at === 103 + 61), `byte ${at} behind ${end}`).toBe(true)
    end = at + bytes.length
  }
  expect(end).toBe(198)
})
