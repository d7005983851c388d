package store

import (
	"crypto/rand"
	"testing"

	"idpool/identity"
	"idpool/internal/pgtest"
)

// BenchmarkModes compares what the ways to send statements cost, for the hottest read (an identity, its logins, its pool) and
// a new identity: docs/operations.md has the figures.
func BenchmarkModes(b *testing.B) {
	server := pgtest.NewOwn(b, nil)
	for _, mode := range pgModes[:3] {
		db := openAt(b, server.URL()+"&pool_max_conns=8&default_query_exec_mode="+mode, Options{})
		p := &identity.Pool{Key: 1, Account: "000000000000", Region: "here", Settings: identity.Settings{Name: "p"}}
		id := identity.ID{1}
		_ = db.Update(b.Context(), func(tx *Tx) error { // ErrExists from the second on
			if err := tx.CreateAccount("000000000000"); err != nil {
				return err
			}
			if err := tx.CreatePool(p); err != nil {
				return err
			}
			return tx.CreateIdentity(1, id)
		})
		for name, do := range map[string]func() error{
			"read": func() error {
				return db.View(b.Context(), func(tx *Tx) error { _, _, err := tx.FindIdentity("here", id); return err })
			},
			"new": func() error {
				var id identity.ID
				var subject [16]byte
				_, _ = rand.Read(id[:])
				_, _ = rand.Read(subject[:])
				return db.Update(b.Context(), func(tx *Tx) error {
					if err := tx.CreateIdentity(1, id); err != nil {
						return err
					}
					return tx.Link(1, id, identity.Login{Provider: "login.example.com", Subject: string(subject[:])})
				})
			},
		} {
			b.Run(name+"-"+mode, func(b *testing.B) {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := do(); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		}
	}
}
