package store

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"idpool/identity"
)

// The nouns of the tests of queries: account A has the pool P in the region R.
const (
	accountA = "111111111111"
	accountB = "222222222222"
	regionR  = "us-east-1"
)

func uuid(n byte) identity.ID { return identity.NewID([16]byte{n}) }

func poolP() *identity.Pool {
	return &identity.Pool{
		Key: 7, ID: uuid(7), Account: accountA, Region: regionR,
		Settings: identity.Settings{Name: "p", AllowGuests: true, OIDC: []string{"b", "a"}, Tags: map[string]string{"k": "v"}},
	}
}

func login(subject string) identity.Login {
	return identity.Login{Provider: "login.example.com", Subject: subject}
}

func change(t *testing.T, db *DB, f func(*Tx) error) {
	t.Helper()
	must(t, db.Update(context.Background(), f))
}

// look reads in an Update: a View runs a function of several statements twice, and the first run sees nothing.
func look(t *testing.T, db *DB, f func(*Tx) error) {
	t.Helper()
	must(t, db.Update(context.Background(), f))
}

// withPool makes the accounts and the pool.
func withPool(t *testing.T, db *DB) *identity.Pool {
	t.Helper()
	p := poolP()
	change(t, db, func(tx *Tx) error {
		return errors.Join(tx.CreateAccount(accountA), tx.CreateAccount(accountB), tx.CreatePool(p))
	})
	return p
}

// absent checks that what these read is not there.
func absent(t *testing.T, db *DB, reads map[string]func(*Tx) error) {
	t.Helper()
	for name, read := range reads {
		if err := db.View(t.Context(), read); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
}

func TestKeysAndSettings(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		secret := Sealed{Master: []byte("m"), Box: []byte{0, 1, 255}}
		change(t, db, func(tx *Tx) error {
			return errors.Join(
				tx.CreateSetting("a", []byte("1")), tx.ChangeSetting("a", []byte{0, 255}),
				tx.CreateAccessKey(&AccessKey{ID: "AKIA1", Account: accountA, Active: true, Secret: secret}),
				tx.CreateSigningKey(&SigningKey{ID: "k1", Algorithm: "RS512", State: Current, Private: secret, Certificate: []byte("c")}),
				tx.CreateSigningKey(&SigningKey{ID: "k2", Algorithm: "ES256", State: Next, Private: secret, Certificate: []byte("c")}),
				tx.CreateSealingKey(&SealingKey{ID: 5, State: Current, Key: secret}))
		})
		// Of two nodes that make a key at once one gets it.
		for name, f := range map[string]func(*Tx) error{
			"second current signing key": func(tx *Tx) error {
				return tx.CreateSigningKey(&SigningKey{ID: "k3", State: Current, Private: secret, Certificate: []byte("c")})
			},
			"second current sealing key": func(tx *Tx) error { return tx.CreateSealingKey(&SealingKey{ID: 6, State: Current, Key: secret}) },
			"setting that is there":      func(tx *Tx) error { return tx.CreateSetting("a", []byte("2")) },
		} {
			if err := db.Update(t.Context(), f); !errors.Is(err, ErrExists) {
				t.Errorf("%s: %v, want ErrExists", name, err)
			}
		}
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.MoveSigningKey("k1", Retired), tx.MoveSigningKey("k2", Current))
		})
		look(t, db, func(tx *Tx) error {
			value, err := tx.Setting("a")
			key, err2 := tx.Signer("AKIA1")
			keys, err3 := tx.SigningKeys()
			sealing, err4 := tx.SealingKeys()
			if !bytes.Equal(value, []byte{0, 255}) || !key.Active || key.Account != accountA || key.User != "" {
				t.Errorf("setting %v, key %+v", value, key)
			}
			if len(keys) != 2 || keys[0].State != Retired || keys[1].State != Current || len(sealing) != 1 {
				t.Errorf("signing keys %+v, sealing keys %+v", keys, sealing)
			}
			if diff := cmp.Diff(secret, sealing[0].Key); diff != "" {
				t.Errorf("sealed (-sent +read):\n%s", diff)
			}
			return errors.Join(err, err2, err3, err4)
		})
	})
}

func TestMasterKeys(t *testing.T) {
	one, two := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	old, err := NewMaster(one)
	must(t, err)
	moved, err := NewMaster(two, one)
	must(t, err)
	other, err := NewMaster(two)
	must(t, err)
	sealed := old.Seal("row 1", []byte("secret"))
	for _, tt := range []struct {
		name    string
		master  *Master
		context string
		ok      bool
		is      error
	}{
		{"its own key", old, "row 1", true, nil},
		{"as an earlier key", moved, "row 1", true, nil},
		{"another key", other, "row 1", false, ErrMaster},
		{"another row", old, "row 2", false, nil},
	} {
		got, err := tt.master.Open(tt.context, sealed)
		if (err == nil) != tt.ok || tt.ok && string(got) != "secret" || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
	if _, err := NewMaster([]byte("short")); err == nil {
		t.Error("a master key of 5 bytes was taken")
	}
}
