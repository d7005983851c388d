package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"idpool/identity"
)

// deploymentOf fills a database with something of everything, and with what the two engines might write differently.
func deploymentOf(t *testing.T, url string) {
	t.Helper()
	db := openAt(t, url, Options{})
	p := withPool(t, db)
	gone := &identity.Pool{Key: math.MaxInt64, ID: uuid(8), Account: accountB, Region: "eu-west-1", Settings: identity.Settings{Name: "Grüße 👋"}}
	long := strings.Repeat("\x00é", 512) // 1,024 characters, NUL among them
	master, err := NewMaster(masterOne)
	must(t, err)
	change(t, db, func(tx *Tx) error {
		secret := master.Seal("row", []byte("secret"))
		errs := []error{
			tx.CreateSetting("account", []byte(accountA)), tx.CreateSetting("empty", []byte{}), tx.CreateSetting("Ünïcode", []byte{0, 255}),
			tx.CreatePool(gone), tx.DeletePool(gone),
			tx.CreateAccessKey(&AccessKey{ID: "AKIA1", Account: accountA, Active: true, Secret: secret}),
			tx.CreateSigningKey(&SigningKey{ID: "k1", Algorithm: "RS512", State: Current, Private: secret, Certificate: []byte{0}}),
			tx.CreateSealingKey(&SealingKey{ID: math.MaxInt64, State: Current, Key: secret}),
			tx.CreateOIDCProvider(&OIDCProvider{Account: accountA, Name: "idp.example.com", Issuer: "https://idp.example.com", ClientIDs: []string{"ä"}}),
			tx.CreateSAMLProvider(&SAMLProvider{Account: accountA, Name: "saml", Metadata: strings.Repeat("<é/>", moveBytes/4)}),
			tx.BindAssertion([32]byte{1}, p.Key, uuid(20), time.UnixMilli(1)),
			tx.CreateUser(&User{Account: accountA, Name: "Alice", Path: "/", UniqueID: "AIDA1"}),
			tx.PutUserPolicy(&User{Account: accountA, UniqueID: "AIDA1"}, "b", `{"Sid":"it's"}`),
			tx.CreateRole(&Role{Account: accountA, Name: "Auth", Path: "/", UniqueID: "AROA1", Trust: "{}"}),
			tx.PutRolePolicy(accountA, "Auth", "Z", "{}"), tx.PutRolePolicy(accountA, "Auth", "a", "{}"), tx.PutRolePolicy(accountA, "Auth", "ä", "{}"),
			tx.CreatePolicy(&Policy{Account: accountA, Name: "P", Path: "/", UniqueID: "ANPA1", Default: 1, Latest: 1}, "{}"),
			tx.AttachPolicy(accountA, RoleKind, "AROA1", "arn:aws:iam::111111111111:policy/P"),
		}
		for i := range byte(5) {
			errs = append(errs, tx.CreateIdentity(p.Key, uuid(20+i)),
				tx.Link(p.Key, uuid(20+i), login(fmt.Sprint(i)), identity.Login{Provider: "p", Subject: long[i:]}))
		}
		return errors.Join(append(errs, tx.Disable(uuid(24)))...)
	})
	must(t, db.Close())
}

var masterOne = bytes.Repeat([]byte{1}, MasterKeySize)

func openMove(t *testing.T, from, to string) *Mover {
	t.Helper()
	m, err := OpenMove(t.Context(), from, to, Options{})
	must(t, err)
	t.Cleanup(func() { must(t, m.Close()) })
	return m
}

// move moves everything, and returns what was moved.
func move(t *testing.T, from, to string) []MovedTable {
	t.Helper()
	m := openMove(t, from, to)
	must(t, m.Copy(t.Context()))
	moved, err := m.Finish(t.Context())
	must(t, err)
	must(t, m.Close())
	return moved
}

func newFile(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "idpool.db")
}

// There and back again everything is as it was, and no table is empty in this test.
func TestMoveThereAndBack(t *testing.T) {
	one, two, three := newFile(t), pgURL(t), newFile(t)
	deploymentOf(t, one)
	there := move(t, one, two)
	for _, table := range there {
		if table.Rows == 0 {
			t.Errorf("the test has no row in %s", table.Name)
		}
	}
	if diff := cmp.Diff(there, move(t, two, three)); diff != "" {
		t.Errorf("back (-there +back):\n%s", diff)
	}
	if diff := cmp.Diff(there, move(t, one, pgURL(t))); diff != "" {
		t.Errorf("the source after its move (-first +second):\n%s", diff)
	}
	for _, url := range []string{two, three} {
		look(t, openAt(t, url, Options{}), func(tx *Tx) error {
			owner, err := tx.Owner(7, identity.Login{Provider: "p", Subject: strings.Repeat("\x00é", 512)[3:]})
			if err == nil && owner.ID != uuid(23) {
				t.Errorf("%s: the login is %v's", url, owner.ID)
			}
			return err
		})
	}
}

// A migration that adds a table, a column or a type is carried, or fails here.
func TestMoveCarriesEveryTable(t *testing.T) {
	file, url := newFile(t), pgURL(t)
	lite := openAt(t, file, Options{})
	openAt(t, url, Options{}) // migrates
	tables, err := moveTables(t.Context(), lite)
	must(t, err)
	var carried []string
	for _, table := range tables {
		for i, c := range table.columns {
			key := slices.Index(table.key, i) + 1
			carried = append(carried, fmt.Sprintf("%s.%s %T %d", table.name, c.name, c.cell(), key))
		}
	}
	cells := map[string]string{"text": "**string", "bytea": "**[]uint8", "bigint": "**int64", "boolean": "**bool"}
	rows, err := pgDirect(t, url).Query(t.Context(), `SELECT c.table_name, c.column_name, c.data_type, COALESCE(k.ordinal_position, 0)
		FROM information_schema.columns c LEFT JOIN information_schema.key_column_usage k
			ON k.table_name = c.table_name AND k.column_name = c.column_name AND k.constraint_name = c.table_name || '_pkey'
		WHERE c.table_schema = current_schema() AND c.table_name NOT LIKE 'goose%'`)
	must(t, err)
	var there []string
	for rows.Next() {
		var table, column, kind string
		var key int
		must(t, rows.Scan(&table, &column, &kind, &key))
		there = append(there, fmt.Sprintf("%s.%s %s %d", table, column, cells[kind], key))
	}
	must(t, rows.Err())
	slices.Sort(carried)
	slices.Sort(there)
	if diff := cmp.Diff(there, carried); diff != "" {
		t.Errorf("-PostgreSQL's schema +carried:\n%s", diff)
	}
}

// What either database holds wrongly after Copy is found by Finish, and the target stays marked.
func TestMoveFindsADifference(t *testing.T) {
	for _, row := range []struct {
		name         string
		there, back  string // what happens to the target, if it is PostgreSQL and if it is SQLite
		source, want string
	}{
		{name: "a byte", there: `UPDATE logins SET subject = set_byte(subject, 0, 66) WHERE subject = '0'`, back: `UPDATE logins SET subject = x'42' WHERE subject = x'30'`, want: "logins"},
		{name: "a boolean", there: `UPDATE identities SET disabled = NOT disabled`, want: "identities"},
		{name: "a row less", there: `DELETE FROM role_policies WHERE name = 'Z'`, want: "role_policies"},
		{name: "a row more", there: `INSERT INTO accounts VALUES ('9', 1, 1)`, want: "accounts"},
		{name: "two values that change places", there: `UPDATE users SET name = path, path = name`, want: "users"},
		{name: "no text for some", there: `UPDATE pools SET name = ''`, want: "pools"},
		{name: "a setting", there: `UPDATE settings SET value = '' WHERE name = 'account'`, want: "settings"},
		{name: "a row of the source while it was moved", source: `INSERT INTO accounts VALUES ('9', 1, 1)`, want: "accounts"},
	} {
		for _, back := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, back %t", row.name, back), func(t *testing.T) {
				from, to := newFile(t), pgURL(t)
				deploymentOf(t, from)
				if back {
					move(t, from, to)
					from, to = to, newFile(t)
				}
				m := openMove(t, from, to)
				must(t, m.Copy(t.Context()))
				text := row.there
				if back && row.back != "" {
					text = row.back
				}
				for db, text := range map[*DB]string{m.from: row.source, m.to: text} {
					if text != "" {
						must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.exec(fixed(text)) }))
					}
				}
				if _, err := m.Finish(t.Context()); !errors.Is(err, ErrDiffers) || !strings.Contains(err.Error(), ": "+row.want+" (") {
					t.Errorf("%v, want ErrDiffers in %s", err, row.want)
				}
				must(t, m.Close())
				if !isMarked(t, to) {
					t.Error("the target is not marked")
				}
			})
		}
	}
}

func isMarked(t *testing.T, url string) bool {
	t.Helper()
	db := openAt(t, url, Options{})
	defer func() { must(t, db.Close()) }()
	return names(t, db)[SettingMoving]
}

// A move that ends in the middle, wherever that is, leaves a mark; and a repeated one makes it good.
func TestMoveInterrupted(t *testing.T) {
	source := newFile(t)
	deploymentOf(t, source)
	other := pgURL(t)
	want := move(t, source, other)
	for from, target := range map[string]func(*testing.T) string{source: pgURL, other: newFile} {
		to := target(t)
		for _, last := range []MoveProgress{
			{Step: "move", Table: "access_keys"},
			{Step: "move", Table: "saml_providers"},
			{Step: "move", Table: "users"},
			{Step: "check source", Table: "logins"},
			{Step: "check target", Table: "accounts"},
			{Step: "check target", Table: "users"},
		} {
			ctx, cancel := context.WithCancel(t.Context())
			m := openMove(t, from, to)
			m.Progress = func(p MoveProgress) {
				if p.Step == last.Step && p.Table == last.Table {
					cancel()
				}
			}
			err := m.Copy(ctx)
			if err == nil {
				_, err = m.Finish(ctx)
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v: %v", last, err)
			}
			must(t, m.Close())
			if !isMarked(t, to) {
				t.Errorf("%v: the target is not marked", last)
			}
		}
		m := openMove(t, to, target(t))
		if err := m.Copy(t.Context()); from == source && !errors.Is(err, ErrMoving) {
			t.Errorf("an incomplete source: %v", err)
		}
		must(t, m.Close())
		if diff := cmp.Diff(want, move(t, from, to)); diff != "" {
			t.Errorf("repeated (-want +got):\n%s", diff)
		}
		if isMarked(t, to) {
			t.Error("the target is marked after its move")
		}
	}
}
