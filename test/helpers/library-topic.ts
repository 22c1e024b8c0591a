import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { DataDirectory, type NewTopic, type TopicRecord } from '../../src/log/index.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A topic `t` in a temporary data directory, used as a Node program would. */
export class LibraryTopic {
  readonly directory: DataDirectory
  readonly notes: string[] = []

  private constructor() {
    const path = join(temporaryFolder(), 'data')
    this.directory = DataDirectory.open(path, { create: true, onNote: note => this.notes.push(note) })
    onTestFinished(() => this.directory.close())
  }

  static async create(options: NewTopic = {}): Promise<LibraryTopic> {
    const topic = new LibraryTopic()
    await topic.directory.createTopic('t', options)
    return topic
  }

  /** One batch. */
  async appendValues(values: string[]): Promise<void> {
    await this.directory.append(
      't',
      values.map(value => ({ value })),
    )
  }

  async appendTimes(records: { partition: number; timestamp: number }[]): Promise<void> {
    await this.directory.append(
      't',
      records.map(record => ({ ...record, value: '' })),
    )
  }

  /** Paths of the `.log` files of partition 0, in offset order. */
  logs(): string[] {
    const folder = join(this.directory.path, 't-0')
    const names = readdirSync(folder).filter(name => name.endsWith('.log'))
    return names.sort().map(name => join(folder, name))
  }

  baseOffset(log: string): number {
    return Number.parseInt(basename(log), 10)
  }

  /** In the first `.log`. */
  flipBit(position: number): void {
    const log = this.logs()[0]!
    const bytes = readFileSync(log)
    bytes[position]! ^= 1
    writeFileSync(log, bytes)
  }

  /** Files below the directory that this process holds open; empty where the system does not tell. */
  openFiles(): string[] {
    const folder = '/proc/self/fd'
    const paths: string[] = []
    for (const descriptor of process.platform === 'linux' ? readdirSync(folder) : []) {
      try {
        paths.push(readlinkSync(join(folder, descriptor)))
      } catch {
        // The one that listed the folder.
      }
    }
    return paths.filter(path => path.startsWith(this.directory.path)).sort()
  }
}

/** `partition:offset@timestamp` of each record, or its value. */
export async function textOf(
  records: AsyncIterable<TopicRecord>,
  what: 'place' | 'value' = 'place',
): Promise<string[]> {
  const texts: string[] = []
  for await (const { partition, offset, timestamp, value } of records) {
    texts.push(what === 'value' ? String(value) : `${partition}:${offset}@${timestamp}`)
  }
  return texts
}
