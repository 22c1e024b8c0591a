import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { resolveFileOrTopic } from '../../src/cli/file-arguments.ts'
import { InvalidArgumentError, NotFoundError } from '../../src/log/index.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

const before = process.cwd()
afterEach(() => process.chdir(before))

/** A folder `events` that is no log, a file `orders`; topics are events and orders. */
function resolve(text: string): string[] {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'events'))
  writeFileSync(join(folder, 'orders'), '')
  process.chdir(folder)
  try {
    return resolveFileOrTopic(text, {
      ofPath: path => {
        if (path.startsWith('events')) throw new InvalidArgumentError('neither a partition nor a data directory')
        return [`path ${path}`]
      },
      ofTopic: (topic, partition) => {
        if (topic !== 'events' && topic !== 'orders') throw new NotFoundError(`neither a file nor a topic: ${topic}`)
        return [`topic ${topic} ${partition}`]
      },
    })
  } finally {
    process.chdir(before)
  }
}

test('what exists is a path, what does not is a topic', () => {
  expect(resolve('orders')).toEqual(['path orders'])
  expect(resolve('orders/3')).toEqual(['topic orders 3'])
  expect(() => resolve('nothing')).toThrow('neither a file nor a topic: nothing')
})

test('a folder that is nothing of a log may be a topic', () => {
  expect(resolve('events')).toEqual(['topic events undefined'])
  expect(() => resolve('events/')).toThrow('neither a partition nor a data directory')
})

test('a path that does not exist is never taken for a topic', () => {
  for (const text of ['./orders2', 'some/where.log', '/orders2', 'orders/3.log', '']) {
    expect(() => resolve(text), text).toThrow(/no such file or folder|neither a file nor a topic/)
  }
})
