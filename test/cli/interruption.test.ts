import { expect, test } from 'vitest'
import { Interruption } from '../../src/cli/interruption.ts'

// Emitted instead of sent: what the listeners do is the same, and the test runner has listeners of its own.
const receive = (name: NodeJS.Signals) => process.emit(name, name)

test.each([
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('after %s the exit code is %d', (name, exitCode) => {
  const interruption = new Interruption()
  expect([interruption.exitCode, interruption.signal.aborted]).toEqual([undefined, false])
  receive(name)
  expect([interruption.exitCode, interruption.signal.aborted, interruption.again.aborted]).toEqual([
    exitCode,
    true,
    false,
  ])
  interruption.release()
})

test('the second signal asks for more haste but does not change the exit code; the third is the system’s again', () => {
  const before = process.listenerCount('SIGTERM')
  const interruption = new Interruption()
  expect(process.listenerCount('SIGTERM')).toBe(before + 1)
  receive('SIGINT')
  receive('SIGTERM')
  expect(interruption).toMatchObject({ received: 'SIGINT', exitCode: 130 })
  expect(interruption.again.aborted).toBe(true)
  expect(process.listenerCount('SIGTERM')).toBe(before)
})

test('released, the signals have their default action again', () => {
  const before = process.listenerCount('SIGINT')
  const interruption = new Interruption()
  interruption.release()
  expect(process.listenerCount('SIGINT')).toBe(before)
})
