/** The part of protobuf's wire format that writing an ONNX model needs: varints, length-delimited fields, packed arrays. */

/** Collects byte chunks; `bytes()` joins them once. */
export class Message {
  private readonly chunks: Uint8Array[] = [];
  private length = 0;

  /** An integer field (wire type 0); negative values in two's complement over 64 bits. */
  integer(field: number, value: number | bigint): this {
    return this.push(varint((BigInt(field) << 3n) | 0n)).push(varint(BigInt(value)));
  }

  /** A 32-bit float field (wire type 5). */
  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.push(varint((BigInt(field) << 3n) | 5n)).push(bytes);
  }

  string(field: number, value: string): this {
    return this.block(field, new TextEncoder().encode(value));
  }

  bytes(field: number, value: Uint8Array): this {
    return this.block(field, value);
  }

  message(field: number, value: Message): this {
    return this.block(field, value.finish());
  }

  finish(): Uint8Array {
    const out = new Uint8Array(this.length);
    let offset = 0;
    for (const chunk of this.chunks) {
      out.set(chunk, offset);
      offset += chunk.length;
    }
    return out;
  }

  private block(field: number, value: Uint8Array): this {
    return this.push(varint((BigInt(field) << 3n) | 2n))
      .push(varint(BigInt(value.length)))
      .push(value);
  }

  private push(chunk: Uint8Array): this {
    this.chunks.push(chunk);
    this.length += chunk.length;
    return this;
  }
}

function varint(value: bigint): Uint8Array {
  let rest = BigInt.asUintN(64, value);
  const bytes: number[] = [];
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Uint8Array.from(bytes);
}
