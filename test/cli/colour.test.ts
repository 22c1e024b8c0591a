import { expect, test } from 'vitest'
import { isColourWanted, paletteFor } from '../../src/cli/colour.ts'

const terminal = { isTTY: true }
const pipe = {}

test('auto: a terminal that can, unless NO_COLOR says otherwise', () => {
  expect(isColourWanted('auto', terminal, {})).toBe(true)
  expect(isColourWanted('auto', pipe, {})).toBe(false)
  expect(isColourWanted('auto', terminal, { NO_COLOR: '1' })).toBe(false)
  expect(isColourWanted('auto', terminal, { NO_COLOR: '' })).toBe(true)
  expect(isColourWanted('auto', terminal, { TERM: 'dumb' })).toBe(false)
})

test('always and never ask nobody', () => {
  expect(isColourWanted('always', pipe, { NO_COLOR: '1' })).toBe(true)
  expect(isColourWanted('never', terminal, {})).toBe(false)
})

test('a palette without colour gives back its text', async () => {
  expect((await paletteFor('never', terminal)).bad('x')).toBe('x')
  expect((await paletteFor('always', pipe)).bad('x')).toBe('\u001b[31mx\u001b[39m')
})
