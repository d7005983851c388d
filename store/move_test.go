package store

import (
	"bytes"
	"context"
	"encoding/binary"
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
			tx.CreateSAMLProvider(&SAMLProvider{Account: accountA, Name: "saml", Metadata: "<é/>"}),
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

func newFile(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "idpool.db")
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
	file, server := newFile(t), pgURL(t)
	deploymentOf(t, file)
	move(t, file, server)
	back := openMove(t, server, newFile(t))
	there := openMove(t, file, pgURL(t))
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
		for direction, m := range map[string]*Mover{"there": there, "back": back} {
			must(t, m.Copy(t.Context())) // starts over
			text := row.there
			if m == back && row.back != "" {
				text = row.back
			}
			for db, text := range map[*DB]string{m.from: row.source, m.to: text} {
				if text != "" {
					change(t, db, func(tx *Tx) error { return tx.exec(fixed(text)) })
				}
			}
			if _, err := m.Finish(t.Context()); !errors.Is(err, ErrDiffers) || !strings.Contains(err.Error(), ": "+row.want+" (") {
				t.Errorf("%s, %s: %v, want ErrDiffers in %s", row.name, direction, err, row.want)
			}
			if !names(t, m.to)[SettingMoving] {
				t.Errorf("%s, %s: the target is not marked", row.name, direction)
			}
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
	for _, way := range []struct{ from, to, next string }{{source, pgURL(t), newFile(t)}, {other, newFile(t), pgURL(t)}} {
		from, to := way.from, way.to
		for _, last := range []MoveProgress{
			{Step: "move", Table: "access_keys"},
			{Step: "move", Table: "saml_providers"},
			{Step: "move", Table: "users"},
			{Step: "check source", Table: "logins"},
			{Step: "check target", Table: "accounts"},
			{Step: "check target", Table: "signing_keys"},
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
		m := openMove(t, to, way.next)
		if err := m.Copy(t.Context()); !errors.Is(err, ErrMoving) {
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

// What a move refuses before it writes anything.
func TestMoveRefuses(t *testing.T) {
	full, other := newFile(t), newFile(t)
	deploymentOf(t, full)
	deploymentOf(t, other)
	fullServer := pgURL(t)
	move(t, full, fullServer)
	atVersion := func(url string, version int) string {
		db := openAt(t, url, Options{})
		must(t, db.Update(t.Context(), func(tx *Tx) error {
			return tx.exec(fixed(fmt.Sprint("UPDATE goose_db_version SET version_id = ", version, " WHERE version_id > 3")))
		}))
		must(t, db.Close())
		return url
	}
	served := newFile(t)
	openAt(t, served, Options{})
	for name, row := range map[string]struct {
		from, to string
		want     error
		text     string
	}{
		"a server that is not empty":      {full, fullServer, ErrNotEmpty, "1 rows of access_keys"},
		"a file that is not empty":        {fullServer, other, ErrNotEmpty, "of access_keys"},
		"no source":                       {newFile(t), pgURL(t), ErrOtherSchema, "nothing to move"},
		"an empty server as the source":   {pgURL(t), newFile(t), ErrOtherSchema, "nothing to move"},
		"a source of an earlier version":  {atVersion(newFile(t), 3), pgURL(t), ErrOtherSchema, "idpool migrate"},
		"a source of a later version":     {atVersion(pgURL(t), 9999), newFile(t), ErrOtherSchema, "the idpool that made it"},
		"a target of another version":     {full, atVersion(pgURL(t), 3), ErrOtherSchema, "target"},
		"a source that is served":         {served, pgURL(t), ErrInUse, "source"},
		"a target that is served":         {fullServer, served, ErrInUse, "target"},
		"a server that is not there":      {full, "postgres://nobody@127.0.0.1:1/none?connect_timeout=2", ErrUnavailable, "target"},
		"a folder that is not there":      {fullServer, filepath.Join(t.TempDir(), "no", "db"), ErrUnavailable, "target"},
		"from a file to a file":           {full, newFile(t), nil, "from SQLite to PostgreSQL"},
		"from a server to another server": {fullServer, pgURL(t), nil, "from SQLite to PostgreSQL"},
	} {
		m, err := OpenMove(t.Context(), row.from, row.to, Options{})
		if err == nil {
			err = m.Copy(t.Context())
			must(t, m.Close())
		}
		if err == nil || row.want != nil && !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.text) {
			t.Errorf("%s: %v, want %v with %q", name, err, row.want, row.text)
		}
	}
}

// Of two moves into one database the one that began first fails.
func TestMoveTwiceAtOnce(t *testing.T) {
	from, to := newFile(t), pgURL(t)
	deploymentOf(t, from)
	first := openMove(t, from, to)
	must(t, first.Copy(t.Context()))
	other := newFile(t)
	deploymentOf(t, other)
	second := openMove(t, other, to)
	must(t, second.Copy(t.Context()))
	if _, err := first.Finish(t.Context()); err == nil || !strings.Contains(err.Error(), "another move into this database has begun") {
		t.Errorf("the first: %v", err)
	}
	if _, err := second.Finish(t.Context()); err != nil {
		t.Errorf("the second: %v", err)
	}
}

// The master key goes its own way: into the settings of PostgreSQL, out of which the way back takes it.
func TestMoveMasterKey(t *testing.T) {
	one, two := newFile(t), pgURL(t)
	deploymentOf(t, one)
	m := openMove(t, one, two)
	if _, err := m.Setting(t.Context(), SettingMasterKey); !errors.Is(err, ErrNotFound) {
		t.Errorf("SQLite keeps a master key: %v", err)
	}
	must(t, m.CheckMaster(t.Context(), masterOne))
	if err := m.CheckMaster(t.Context(), bytes.Repeat([]byte{2}, MasterKeySize)); !errors.Is(err, ErrMaster) {
		t.Errorf("another key: %v", err)
	}
	m.MasterKey = masterOne
	must(t, m.Copy(t.Context()))
	_, err := m.Finish(t.Context())
	must(t, err)
	must(t, m.Close())

	three := newFile(t)
	m = openMove(t, two, three)
	if key, err := m.Setting(t.Context(), SettingMasterKey); err != nil || !bytes.Equal(key, masterOne) {
		t.Errorf("PostgreSQL keeps %x, %v", key, err)
	}
	must(t, m.Copy(t.Context()))
	_, err = m.Finish(t.Context())
	must(t, err)
	must(t, m.Close())
	if names(t, openAt(t, three, Options{}))[SettingMasterKey] {
		t.Error("the master key is in the settings of SQLite")
	}
}

// A row that PostgreSQL cannot hold is named.
func TestMoveOfTextWithNUL(t *testing.T) {
	from := newFile(t)
	db := openAt(t, from, Options{})
	must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.exec(testCounter, "a\x00b", int64(1)) }))
	must(t, db.Close())
	err := openMove(t, from, pgURL(t)).Copy(t.Context())
	if err == nil || !strings.Contains(err.Error(), `accounts, row ["a\x00b"]: PostgreSQL takes no text with NUL`) {
		t.Error(err)
	}
}

// More rows than a batch has, of every kind of value, are the same on both sides; and no two rows have one encoding.
func TestMoveValues(t *testing.T) {
	texts := []string{"", "a", "A", "ä", "\u00e9", "e\u0301", "\U0001F44B", "it's", `\N`, "\t\n\r", "1", "NULL", "\uffff"}
	numbers := []int64{0, 1, -1, math.MaxInt64, math.MinInt64}
	from := newFile(t)
	db := openAt(t, from, Options{})
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		for i, text := range texts {
			for j, n := range numbers {
				id := binary.AppendVarint([]byte(text), int64(j))
				must(t, tx.exec(testCounter, fmt.Sprint(text, j), n))
				must(t, tx.exec(testPut, fmt.Sprint(text, j), []byte(text)))
				must(t, tx.exec(testIdentity, id, n, (i+j)%2 == 0))
			}
		}
		must(t, errors.Join(tx.CreateAccount("a"), tx.CreateAccount("b")))
		must(t, tx.CreateSAMLProvider(&SAMLProvider{Account: "a", Name: "larger than a batch", Metadata: strings.Repeat("<é/>", moveBytes/4)}))
		must(t, tx.CreateSAMLProvider(&SAMLProvider{Account: "b"}))
		for i := range int64(2*moveRows + 1) {
			must(t, tx.exec(testIdentity, binary.BigEndian.AppendUint64(nil, uint64(i)), -i, i%3 == 0))
		}
		return nil
	}))
	must(t, db.Close())
	server := pgURL(t)
	there := move(t, from, server)
	if diff := cmp.Diff(there, move(t, server, newFile(t))); diff != "" {
		t.Errorf("back (-there +back):\n%s", diff)
	}
	n := len(texts) * len(numbers)
	want := map[string]int64{"accounts": int64(n + 2), "settings": int64(n), "identities": int64(n + 2*moveRows + 1), "saml_providers": 2}
	for _, table := range there {
		if table.Rows != want[table.Name] {
			t.Errorf("%s has %d rows, want %d", table.Name, table.Rows, want[table.Name])
		}
	}
}

func TestMoveEncoding(t *testing.T) {
	seen := make(map[string][]any)
	for _, row := range [][]any{
		{nil, nil},
		{"", ""},
		{[]byte{}, []byte{}},
		{"a", ""},
		{"", "a"},
		{"ab", ""},
		{"a", "b"},
		{[]byte("a"), "b"},
		{nil, ""},
		{int64(0), ""},
		{int64(1), ""},
		{int64(-1), ""},
		{true, ""},
		{false, ""},
		{"\x00", ""},
		{"t\x00", ""},
		{int64(256), ""},
	} {
		var text []byte
		for _, v := range row {
			text = appendValue(text, v)
		}
		if other, found := seen[string(text)]; found {
			t.Errorf("%q and %q have one encoding", row, other)
		}
		seen[string(text)] = row
	}
}
