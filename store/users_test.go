package store

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

func userU() *User {
	return &User{
		Account: accountA, Name: "Alice", Path: "/team/", UniqueID: "AIDA1", Boundary: "arn:aws:iam::aws:policy/B",
		Tags: map[string]string{"k": "v\U0001F511"},
	}
}

func TestUsers(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		sent := userU()
		change(t, db, func(tx *Tx) error { return tx.CreateUser(sent) })
		read := func() (u *User) {
			t.Helper()
			must(t, db.View(t.Context(), func(tx *Tx) (err error) {
				u, err = tx.User(accountA, "aLICE")
				return err
			}))
			return u
		}
		got := read()
		sent.Created = got.Created
		if diff := cmp.Diff(sent, got); diff != "" || got.Created.IsZero() {
			t.Errorf("the user (-sent +read):\n%s", diff)
		}
		if arn := got.ARN(); arn != "arn:aws:iam::"+accountA+":user/team/Alice" {
			t.Errorf("its ARN is %s", arn)
		}
		for name, name2 := range map[string]string{"the same name": "Alice", "in capitals": "ALICE"} {
			twice := *sent
			twice.Name, twice.UniqueID = name2, "AIDA2"
			if err := db.Update(t.Context(), func(tx *Tx) error { return tx.CreateUser(&twice) }); !errors.Is(err, ErrExists) {
				t.Errorf("%s: %v, want ErrExists", name, err)
			}
		}
		absent(t, db, map[string]func(*Tx) error{
			"of another account": func(tx *Tx) error { _, err := tx.User(accountB, "Alice"); return err },
			"with NUL":           func(tx *Tx) error { _, err := tx.User(accountA, "Alice\x00"); return err },
			"not UTF-8":          func(tx *Tx) error { _, err := tx.User(accountA, "\xff"); return err },
			"by another id":      func(tx *Tx) error { _, err := tx.UserByID("AIDA2"); return err },
		})
	})
}

// Every change raises the version of the user's account, and no other's.
func TestChangeUser(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		got, other := userU(), userU()
		other.Account, other.UniqueID = accountB, "AIDA3" // one of the same name in another account is another one
		change(t, db, func(tx *Tx) error {
			got.Created = tx.Now()
			return tx.CreateUser(got)
		})
		before, beforeB := counter(t, db, accountA), counter(t, db, accountB)
		change(t, db, func(tx *Tx) error { return tx.CreateUser(other) })
		got.Name, got.Path, got.Boundary, got.Tags = "alicia", "/", "", map[string]string{}
		change(t, db, func(tx *Tx) error { return tx.ChangeUser(got) })
		if a, b := counter(t, db, accountA), counter(t, db, accountB); a == before || b == beforeB {
			t.Errorf("the versions went from %d and %d to %d and %d", before, beforeB, a, b)
		}
		must(t, db.View(t.Context(), func(tx *Tx) error {
			changed, err := tx.UserByID("AIDA1")
			if err == nil && !cmp.Equal(changed, got) {
				t.Errorf("the user, changed (-sent +read):\n%s", cmp.Diff(got, changed))
			}
			return err
		}))
		absent(t, db, map[string]func(*Tx) error{
			"by the old name": func(tx *Tx) error { _, err := tx.User(accountA, "Alice"); return err },
		})
		second := userU()
		second.UniqueID = "AIDA4"
		change(t, db, func(tx *Tx) error { return tx.CreateUser(second) }) // the old name is free
		second.Name = "ALICIA"
		if err := db.Update(t.Context(), func(tx *Tx) error { return tx.ChangeUser(second) }); !errors.Is(err, ErrExists) {
			t.Errorf("renamed to a name that is taken: %v, want ErrExists", err)
		}
		look(t, db, func(tx *Tx) error {
			n, err := tx.UserCount(accountA)
			if n != 2 {
				t.Errorf("%d users, want 2", n)
			}
			return err
		})
		before = versionA(t, db)
		change(t, db, func(tx *Tx) error { return tx.DeleteUser(got) })
		absent(t, db, map[string]func(*Tx) error{
			"when deleted": func(tx *Tx) error { _, err := tx.UserByID("AIDA1"); return err },
		})
		if v := versionA(t, db); v == before {
			t.Errorf("the version is %d, as before", v)
		}
	})
}

// Lists go by the bytes of the names in lower case, whatever the database's collation, page by page.
func TestUsersByPage(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		want := []string{"+", "-a", "0", "=", "@", "A", "a-b", "Ab", "aC", "b", "B_", "ba"}
		change(t, db, func(tx *Tx) error {
			var errs []error
			for i, name := range want {
				path := []string{"/", "/x/", "/x/y/", "/X/"}[i%4]
				errs = append(errs, tx.CreateUser(&User{Account: accountA, Name: name, Path: path, UniqueID: fmt.Sprint("AIDA", 90-i)}))
			}
			errs = append(errs, tx.CreateUser(&User{Account: accountB, Name: "aa", Path: "/x/", UniqueID: "AIDA99"}))
			return errors.Join(errs...)
		})
		list := func(prefix string, limit int) (names []string) {
			t.Helper()
			for after := ""; ; {
				var page []*User
				must(t, db.View(t.Context(), func(tx *Tx) (err error) {
					page, err = tx.Users(accountA, prefix, after, limit)
					return err
				}))
				for _, u := range page {
					names, after = append(names, u.Name), u.Key()
				}
				if len(page) < limit {
					return names
				}
			}
		}
		for limit := 1; limit <= 13; limit++ {
			if got := list("/", limit); !slices.Equal(got, want) {
				t.Errorf("%d a page: %v, want %v", limit, got, want)
			}
			if got, want := list("/x", limit), []string{"-a", "0", "A", "a-b", "b", "B_"}; !slices.Equal(got, want) {
				t.Errorf("under /x, %d a page: %v, want %v", limit, got, want)
			}
		}
		if got := list("/x/%", 5); got != nil {
			t.Errorf("under /x/%%: %v", got)
		}
	})
}

func TestUserPolicies(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		u := userU()
		change(t, db, func(tx *Tx) error { return tx.CreateUser(u) })
		before := versionA(t, db)
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.PutUserPolicy(u, "p", "{}"), tx.PutUserPolicy(u, "P", "1"), tx.PutUserPolicy(u, "p", "2"))
		})
		look(t, db, func(tx *Tx) error {
			policies, err := tx.UserPolicies(u.UniqueID)
			document, err2 := tx.UserPolicy(u.UniqueID, "p")
			version, err3 := tx.AccountVersion(accountA)
			if diff := cmp.Diff(map[string]string{"p": "2", "P": "1"}, policies); diff != "" || document != "2" || version == before {
				t.Errorf("version %d, document %s, policies (-want +read):\n%s", version, document, diff)
			}
			return errors.Join(err, err2, err3)
		})
		change(t, db, func(tx *Tx) error { return tx.DeleteUserPolicy(u, "p") })
		absent(t, db, map[string]func(*Tx) error{
			"deleted":         func(tx *Tx) error { _, err := tx.UserPolicy(u.UniqueID, "p"); return err },
			"of another user": func(tx *Tx) error { _, err := tx.UserPolicy("AIDA2", "P"); return err },
		})
	})
}

// Of many who create one name at once, one does. Keys that are counted before they are made are never too many.
func TestUsersAtOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		const n = 8
		together := func(do func(i int) error) (errs []error) {
			errs = make([]error, n)
			start := make(chan struct{})
			var all sync.WaitGroup
			for i := range n {
				all.Go(func() {
					<-start
					errs[i] = do(i)
				})
			}
			close(start)
			all.Wait()
			return errs
		}
		check := func(what string, errs []error, want error, wins int) {
			t.Helper()
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
				} else if !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", what, err, want)
				}
			}
			if won != wins {
				t.Errorf("%s: %d have won, want %d", what, won, wins)
			}
		}
		check("a user", together(func(i int) error {
			u := userU()
			u.UniqueID = fmt.Sprint("AIDA", i)
			return db.Update(t.Context(), func(tx *Tx) error { return tx.CreateUser(u) })
		}), ErrExists, 1)

		errQuota := errors.New("two are there")
		check("keys", together(func(i int) error {
			return db.Update(t.Context(), func(tx *Tx) error {
				u, err := tx.User(accountA, "Alice")
				if err != nil {
					return err
				}
				keys, err := tx.AccessKeys(accountA, u.UniqueID)
				if err != nil {
					return err
				}
				if len(keys) >= 2 {
					return errQuota
				}
				return tx.CreateAccessKey(&AccessKey{ID: fmt.Sprint("AKIA", i), Account: accountA, User: u.UniqueID, Active: true, Secret: Sealed{Master: []byte("m"), Box: []byte("b")}})
			})
		}), errQuota, 2)
	})
}

// A signed call reads its key, the user and the account's version in one statement.
func TestSigner(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		u := userU()
		secret := Sealed{Master: []byte("m"), Box: []byte{0, 1, 255}}
		users := AccessKey{ID: "AKIA1", Account: accountA, User: u.UniqueID, Active: true, Secret: secret}
		roots := AccessKey{ID: "AKIA2", Account: accountA, Active: true, Secret: secret}
		orphan := AccessKey{ID: "AKIA3", Account: accountA, User: "AIDA9", Active: true, Secret: secret}
		foreign := AccessKey{ID: "AKIA4", Account: accountB, User: u.UniqueID, Active: true, Secret: secret}
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.CreateUser(u), tx.CreateAccessKey(&users), tx.CreateAccessKey(&roots), tx.CreateAccessKey(&orphan), tx.CreateAccessKey(&foreign))
		})
		signer := func(id string) (s *Signer) {
			t.Helper()
			runs := 0
			must(t, db.View(t.Context(), func(tx *Tx) (err error) {
				runs++
				s, err = tx.Signer(id)
				return err
			}))
			if runs != 1 {
				t.Errorf("%d runs: more than one statement", runs)
			}
			return s
		}
		version := versionA(t, db)
		for id, want := range map[string]*Signer{
			"AKIA1": {AccessKey: users, UserName: "Alice", UserPath: "/team/", AccountVersion: version},
			"AKIA2": {AccessKey: roots, AccountVersion: version},
		} {
			got := signer(id)
			want.Created = got.Created
			if diff := cmp.Diff(want, got); diff != "" || got.Created.IsZero() {
				t.Errorf("%s (-want +read):\n%s", id, diff)
			}
		}
		absent(t, db, map[string]func(*Tx) error{
			"a key of nobody":                     func(tx *Tx) error { _, err := tx.Signer("AKIA9"); return err },
			"a key whose user is gone":            func(tx *Tx) error { _, err := tx.Signer("AKIA3"); return err },
			"a key whose user is another account": func(tx *Tx) error { _, err := tx.Signer("AKIA4"); return err },
		})
	})
}

// What is done to a user or a key is what the next call sees.
func TestSignerFollowsChanges(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		u := userU()
		users := AccessKey{ID: "AKIA1", Account: accountA, User: u.UniqueID, Active: true, Secret: Sealed{Master: []byte("m"), Box: []byte("b")}}
		roots := users
		roots.ID, roots.User = "AKIA2", ""
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.CreateUser(u), tx.CreateAccessKey(&users), tx.CreateAccessKey(&roots))
		})
		signer := func() (s *Signer) {
			t.Helper()
			must(t, db.View(t.Context(), func(tx *Tx) (err error) {
				s, err = tx.Signer("AKIA1")
				return err
			}))
			return s
		}
		u.Name, u.Path = "Bob", "/"
		version := versionA(t, db)
		change(t, db, func(tx *Tx) error { return errors.Join(tx.ChangeUser(u), tx.SwitchAccessKey(&users, false)) })
		if got := signer(); got.UserName != "Bob" || got.UserPath != "/" || got.Active || got.AccountVersion == version {
			t.Errorf("after the change: %+v", got)
		}
		change(t, db, func(tx *Tx) error { return tx.SwitchAccessKey(&users, true) })
		if got := signer(); !got.Active {
			t.Errorf("switched on: %+v", got)
		}
		change(t, db, func(tx *Tx) error { return tx.DeleteAccessKey(&users) })
		absent(t, db, map[string]func(*Tx) error{"deleted": func(tx *Tx) error { _, err := tx.Signer("AKIA1"); return err }})
		look(t, db, func(tx *Tx) error {
			mine, err := tx.AccessKeys(accountA, u.UniqueID)
			root, err2 := tx.AccessKeys(accountA, "")
			if len(mine) != 0 || len(root) != 1 || root[0].ID != "AKIA2" {
				t.Errorf("keys of the user %+v, of the root %+v", mine, root)
			}
			return errors.Join(err, err2)
		})
	})
}

// A database of part 3, with a root's key in it, gets users; the key stays the root's.
func TestMigrateToUsers(t *testing.T) {
	migrate := func(dialect goose.Dialect, db *sql.DB) {
		t.Helper()
		p, err := provider(dialect, db)
		must(t, err)
		_, err = p.UpTo(t.Context(), 2)
		must(t, err)
		_, err = db.ExecContext(t.Context(), `INSERT INTO accounts (id, version, created) VALUES ('111111111111', 7, 5)`)
		_, err2 := db.ExecContext(t.Context(), `INSERT INTO access_keys (id, account, username, status, sealed, master, created) VALUES ('AKIA1', '111111111111', '', 'Active', 'a', 'b', 0)`)
		must(t, errors.Join(err, err2, db.Close()))
	}
	file := filepath.Join(t.TempDir(), "idpool.db")
	lite, err := sql.Open("sqlite", file)
	must(t, err)
	migrate(goose.DialectSQLite3, lite)
	url := pgURL(t)
	config, err := pgx.ParseConfig(url)
	must(t, err)
	migrate(goose.DialectPostgres, stdlib.OpenDB(*config))
	for _, where := range []string{file, url} {
		db := openAt(t, where, Options{})
		change(t, db, func(tx *Tx) error { return tx.CreateUser(userU()) })
		look(t, db, func(tx *Tx) error {
			s, err := tx.Signer("AKIA1")
			if err == nil && (s.User != "" || !s.Active || s.AccountVersion == 7) {
				t.Errorf("the root's key is %+v", s)
			}
			created, err2 := tx.AccountCreated(accountA)
			if created.UnixMilli() != 5 {
				t.Errorf("the account was made at %v", created)
			}
			return errors.Join(err, err2)
		})
	}
}
