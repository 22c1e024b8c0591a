import { expect, test } from 'vitest'
import { listNumbers, onlyTopic, parseTarget, pickPartitions } from '../../src/cli/positional.ts'

test('TOPIC and TOPIC/PARTITION', () => {
  expect(parseTarget('events')).toEqual({ topic: 'events' })
  expect(parseTarget('events/0')).toEqual({ topic: 'events', partition: 0 })
  expect(parseTarget('a.b_c-1/12')).toEqual({ topic: 'a.b_c-1', partition: 12 })
})

test.each([
  '',
  '/',
  '/0',
  'events/',
  'events/x',
  'events/-1',
  'a/b/0',
  './events',
  '/var/log/syslog',
  'events/2147483648',
])('"%s" is refused', text => {
  expect(() => parseTarget(text)).toThrow(expect.objectContaining({ code: 'LOGLADY_INVALID_ARGUMENT' }))
})

test('without a topic the only one is meant, else default', () => {
  expect(onlyTopic(['events'])).toBe('events')
  expect(onlyTopic([])).toBe('default')
  expect(onlyTopic(['a', 'b'])).toBe('default')
})

test('all partitions unless the target or -p picks some', () => {
  expect(pickPartitions({ topic: 't' }, undefined, [0, 1, 2])).toEqual([0, 1, 2])
  expect(pickPartitions({ topic: 't', partition: 1 }, undefined, [0, 1, 2])).toEqual([1])
  expect(pickPartitions({ topic: 't' }, [0, 2], [0, 1, 2])).toEqual([0, 2])
})

test('both ways of picking are refused, and so is a partition that is not there', () => {
  expect(() => pickPartitions({ topic: 't', partition: 1 }, [1], [0, 1])).toThrow('both pick partitions')
  const missing = expect.objectContaining({ code: 'LOGLADY_NOT_FOUND', hint: 'it has 0-2, 7' })
  expect(() => pickPartitions({ topic: 't' }, [0, 3], [0, 1, 2, 7])).toThrow(missing)
})

test('numbers are listed as runs', () => {
  expect(listNumbers([])).toBe('none')
  expect(listNumbers([0])).toBe('0')
  expect(listNumbers([0, 1, 2, 5, 7, 8])).toBe('0-2, 5, 7-8')
})
