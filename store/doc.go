// Package store is the database: one concrete DB over SQLite and PostgreSQL, its migrations, and every query.
//
// There is one door. View reads, Update changes; both hand a Tx to a function, and the queries are methods of Tx:
//
//	err := db.Update(ctx, func(tx *store.Tx) error {
//		pool, err := tx.Pool(scope, id)
//		...
//		return tx.PutPool(pool)
//	})
//
// An Update is serializable and its function may run twice, so it only reads and writes through the Tx, draws no random
// numbers, takes no lock and waits for nothing. The two engines differ in a dialect, not in behaviour, and one suite of
// tests runs on both.
//
// It leaves to others: what the rows mean (identity), and what a client is told (the services' errors.go).
package store
