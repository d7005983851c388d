package store

import (
	"context"
	"sync"
	"testing"
)

func TestViewRunsAgainForASecondStatement(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		must(t, db.Update(t.Context(), put("a")))
		runs := 0
		must(t, db.View(t.Context(), func(tx *Tx) error {
			runs++
			var value []byte
			return tx.row(testGet, []any{"a"}, &value)
		}))
		if runs != 1 {
			t.Errorf("a View of one statement ran %d times", runs)
		}
		runs = 0
		err := db.View(t.Context(), func(tx *Tx) error {
			runs++
			var value []byte
			if err := tx.row(testGet, []any{"a"}, &value); err != nil {
				return err
			}
			if err := tx.row(testGet, []any{"a"}, &value); err != nil {
				return nil // whatever the function makes of it
			}
			return errOwn
		})
		if runs != 2 || err != errOwn {
			t.Errorf("a View of two statements ran %d times, %v", runs, err)
		}
	})
}

func TestViewSeesOneSnapshot(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		must(t, db.Update(t.Context(), func(tx *Tx) error {
			must(t, tx.exec(testCounter, "a", int64(0)))
			return tx.exec(testCounter, "b", int64(0))
		}))
		stop := make(chan struct{})
		var writers sync.WaitGroup
		writers.Go(func() {
			for n := int64(1); ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				must(t, db.Update(context.Background(), func(tx *Tx) error {
					must(t, tx.exec(testWrite, "a", n))
					return tx.exec(testWrite, "b", n)
				}))
			}
		})
		seen := map[int64]bool{}
		for n := 0; n < 200 || len(seen) < 20; n++ { // until enough has changed between the Views
			var a, b int64
			must(t, db.View(t.Context(), func(tx *Tx) error {
				if err := tx.row(testRead, []any{"a"}, &a); err != nil {
					return err
				}
				return tx.row(testRead, []any{"b"}, &b)
			}))
			if a != b {
				t.Fatalf("one View saw a = %d, b = %d", a, b)
			}
			seen[a] = true
		}
		close(stop)
		writers.Wait()
	})
}

func TestPanicInViewGivesTheConnectionBack(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		must(t, db.Update(t.Context(), put("a")))
		for range 20 { // more than there are connections
			func() {
				defer func() { _ = recover() }()
				_ = db.View(t.Context(), func(tx *Tx) error {
					var value []byte
					if err := tx.row(testGet, []any{"a"}, &value); err != nil {
						return err
					}
					return tx.rows(testNames, nil, func(func(...any) error) error { panic("inside") })
				})
			}()
		}
		must(t, db.Ping(t.Context()))
	})
}
