/** SplitMix64 (Steele, Lea and Flood, 2014): unlike Math.random, it can be seeded. */
export class Random {
  #state;

  /** `seed` is a BigInt of 64 bits. */
  constructor(seed) {
    this.#state = seed;
  }

  /** A number from 0 to below 1, of 53 random bits. */
  next() {
    return Number(this.#next64() >> 11n) / 2 ** 53;
  }

  /** A generator whose draws do not shift those of this one. */
  split() {
    return new Random(this.#next64());
  }

  #next64() {
    this.#state = BigInt.asUintN(64, this.#state + 0x9e3779b97f4a7c15n);
    let mixed = this.#state;
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n);
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn);
    return mixed ^ (mixed >> 31n);
  }
}
