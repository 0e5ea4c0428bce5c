package main

import "strings"

// remembered is how many keys a recent remembers at least.
const remembered = 100_000

// A recent remembers values of the keys that were put last: at least so many of them, and at most twice as many. Its
// zero value is empty.
type recent[V any] struct {
	young, old map[string]V
}

func (r *recent[V]) get(key string) (V, bool) {
	if v, ok := r.young[key]; ok {
		return v, true
	}
	v, ok := r.old[key]
	return v, ok
}

func (r *recent[V]) put(key string, v V) {
	if r.young == nil || len(r.young) == remembered {
		r.old, r.young = r.young, map[string]V{}
	}
	r.young[strings.Clone(key)] = v // a part of a head would keep all of it in memory
}
