package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
)

// A new identity with one login, as the hottest write does it.
var (
	benchIdentity = statement(`INSERT INTO identities (id, pool, disabled, epoch, created, modified) VALUES ($1, 1, $2, 0, $3, $3)`)
	benchLogin    = statement(`INSERT INTO logins (pool, hash, identity, provider, subject, linked) VALUES (1, $1, $2, $3, $1, $4)`)
	benchOwner    = statement(`SELECT identity FROM logins WHERE pool = 1 AND hash = $1`)
)

func newIdentity(db *DB) error {
	var id [16]byte
	var hash [32]byte
	_, _ = rand.Read(id[:])
	_, _ = rand.Read(hash[:])
	return db.Update(context.Background(), func(tx *Tx) error {
		var owner []byte
		if err := tx.row(benchOwner, []any{hash[:]}, &owner); err != ErrNotFound {
			return err
		}
		now := tx.Now().UnixMilli()
		if err := tx.exec(benchIdentity, id[:], false, now); err != nil {
			return err
		}
		return tx.exec(benchLogin, hash[:], id[:], []byte("accounts.example.com"), now)
	})
}

// BenchmarkUpdate compares the group commit with one commit for each Update: ns/op of "single" by that of "group".
func BenchmarkUpdate(b *testing.B) {
	for _, goroutines := range []int{1, 16, 64} {
		for name, o := range map[string]Options{"group": {}, "single": {groupSize: 1}} {
			b.Run(fmt.Sprintf("%s-%d", name, goroutines), func(b *testing.B) {
				db := openLite(b, o)
				b.ReportAllocs()
				b.SetParallelism(max(1, goroutines/runtime.GOMAXPROCS(0)))
				b.ResetTimer()
				if goroutines == 1 {
					for b.Loop() {
						if err := newIdentity(db); err != nil {
							b.Fatal(err)
						}
					}
				} else {
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							if err := newIdentity(db); err != nil {
								b.Error(err)
							}
						}
					})
				}
				b.ReportMetric(float64(b.N)/float64(db.lite.writer.commits.Load()), "updates/commit")
			})
		}
	}
}

// BenchmarkUpdatePostgres is the same on PostgreSQL, whose serializable transactions may get in each other's way.
func BenchmarkUpdatePostgres(b *testing.B) {
	for _, conns := range []int{4, 16} {
		b.Run(fmt.Sprint("connections-", conns), func(b *testing.B) {
			db := openAt(b, fmt.Sprint(pgURL(b), "&pool_max_conns=", conns), Options{})
			b.ReportAllocs()
			b.SetParallelism(32)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := newIdentity(db); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(db.pg.repeats.Load())/float64(b.N), "repeats/update")
		})
	}
}

// BenchmarkUpdateOverhead is what an Update costs beside the disk: nothing is written, so nothing is synced.
func BenchmarkUpdateOverhead(b *testing.B) {
	db := openLite(b, Options{})
	b.ReportAllocs()
	for b.Loop() {
		if err := db.Update(context.Background(), func(*Tx) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkView reads one row by its key.
func BenchmarkView(b *testing.B) {
	engines := map[string]func(*testing.B) *DB{
		"sqlite":   func(b *testing.B) *DB { return openLite(b, Options{}) },
		"postgres": func(b *testing.B) *DB { return openAt(b, pgURL(b), Options{}) },
	}
	for name, open := range engines {
		db := open(b)
		const rows = 1000
		err := db.Update(context.Background(), func(tx *Tx) error {
			for i := range rows {
				if err := tx.exec(benchLogin, []byte(fmt.Sprint(i)), make([]byte, 16), []byte("p"), int64(0)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		var next atomic.Int64
		read := func() error {
			key := []byte(fmt.Sprint(next.Add(1) % rows))
			return db.View(context.Background(), func(tx *Tx) error {
				var owner []byte
				return tx.row(benchOwner, []any{key}, &owner)
			})
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := read(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"-parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := read(); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
