import { expect, test } from 'vitest'
import { didYouMean } from '../../src/cli/did-you-mean.ts'

const commands = ['append', 'read', 'tail', 'inspect-segment', 'reindex', 'topics', 'bench']

test.each([
  ['raed', 'read'],
  ['reed', 'read'],
  ['READ', 'read'],
  ['apend', 'append'],
  ['appedn', 'append'],
  ['topic', 'topics'],
  ['reindx', 'reindex'],
  ['inspect', 'inspect-segment'],
  ['insepct-segmnt', 'inspect-segment'],
])('%s was meant to be %s', (word, meant) => {
  expect(didYouMean(word, commands)).toBe(meant)
})

test.each(['', 'x', 'consume', 'zzzz', 'produce'])('for "%s" nothing is near', word => {
  expect(didYouMean(word, commands)).toBeUndefined()
})
