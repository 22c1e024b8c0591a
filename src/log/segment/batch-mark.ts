import { fstatSync } from 'node:fs'
import { BatchHeader, RECORD_BATCH_OVERHEAD } from '../record/batch-header.ts'
import { readFully } from './read-fully.ts'

/**
 * Remembers which batch stood at a place of a `.log`, to know later whether the file was cut below it and written anew. Byte
 * counts can't tell: another batch may end at the very same byte.
 */
export class BatchMark {
  #position = -1
  #sizeInBytes = 0
  #baseOffset = -1
  #crc = 0

  /** Once for every batch that is read, so nothing is allocated here. */
  set(header: BatchHeader, position: number): void {
    this.#position = position
    this.#sizeInBytes = header.sizeInBytes
    this.#baseOffset = header.baseOffset
    this.#crc = header.crc
  }

  clear(): void {
    this.#position = -1
  }

  /** Whether the file still has that batch there, all of it; true if none was set. */
  isIn(fd: number, path: string): boolean {
    if (this.#position < 0) return true
    if (fstatSync(fd).size < this.#position + this.#sizeInBytes) return false
    const bytes = Buffer.alloc(RECORD_BATCH_OVERHEAD)
    const length = readFully(fd, path, bytes, 0, this.#position, bytes.length)
    const header = new BatchHeader()
    const check = header.read(bytes, 0, length)
    if (check !== 'whole' && check !== 'incomplete') return false
    const { sizeInBytes, baseOffset, crc } = header
    return sizeInBytes === this.#sizeInBytes && baseOffset === this.#baseOffset && crc === this.#crc
  }
}
