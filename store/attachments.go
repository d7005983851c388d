package store

import "strings"

// PrincipalKind tells roles from users where both have policies.
type PrincipalKind string

// The kinds, as they stand in the database.
const (
	RoleKind PrincipalKind = "role"
	UserKind PrincipalKind = "user"
)

var (
	insertAttachment = statement(`INSERT INTO policy_attachments (account, kind, entity, policy) VALUES ($1, $2, $3, $4)`)
	attachmentsOf    = statement(`SELECT policy FROM policy_attachments WHERE entity = $1`)
	deleteAttachment = statement(`DELETE FROM policy_attachments WHERE entity = $1 AND policy = $2`)

	// $3 and $4 are 1 to have those to whom the policy is attached, and those whose boundary it is. Whoever is both stands
	// once: that is why it is UNION, not UNION ALL.
	policyEntities = byBytes(`SELECT kind, name, unique_id, place FROM (` +
		entitiesOf("role", "roles") + ` UNION ` + entitiesOf("user", "users") + `) entities
		WHERE place COLLATE BINARY > $5 AND SUBSTR(path, 1, LENGTH(CAST($6 AS TEXT))) = $6
			AND SUBSTR(place, 1, LENGTH(CAST($7 AS TEXT))) = $7
		ORDER BY place COLLATE BINARY LIMIT $8`)
)

func entitiesOf(kind, table string) string {
	return strings.NewReplacer("KIND", kind, "TABLE", table).Replace(`
		SELECT 'KIND' AS kind, e.name AS name, e.unique_id AS unique_id, e.path AS path, 'KIND/' || LOWER(e.name) AS place
		FROM policy_attachments a JOIN TABLE e ON e.unique_id = a.entity
		WHERE a.account = $1 AND a.policy = $2 AND a.kind = 'KIND' AND CAST($3 AS BIGINT) = 1
		UNION
		SELECT 'KIND', e.name, e.unique_id, e.path, 'KIND/' || LOWER(e.name)
		FROM TABLE e WHERE e.account = $1 AND e.boundary = $2 AND CAST($4 AS BIGINT) = 1`)
}

// AttachPolicy gives a policy to the role or the user with a unique id; ErrExists if it has it. The same transaction has
// found both in this account: nothing else sees to it that they are there.
func (tx *Tx) AttachPolicy(account string, kind PrincipalKind, id, arn string) error {
	if err := tx.touch(account); err != nil {
		return err
	}
	return tx.exec(insertAttachment, account, string(kind), id, arn)
}

// AttachedPolicies returns the ARNs of the policies of the role or the user with a unique id, in no order.
func (tx *Tx) AttachedPolicies(id string) ([]string, error) {
	var arns []string
	err := tx.rows(attachmentsOf, []any{id}, func(scan func(...any) error) error {
		var arn string
		err := scan(&arn)
		arns = append(arns, arn)
		return err
	})
	return arns, err
}

// DetachPolicy takes a policy from the role or the user of this account with a unique id.
func (tx *Tx) DetachPolicy(account, id, arn string) error {
	if err := tx.touch(account); err != nil {
		return err
	}
	return tx.exec(deleteAttachment, id, arn)
}

// PolicyEntity is a role or a user that has a policy.
type PolicyEntity struct {
	Kind     PrincipalKind
	Name     string
	UniqueID string
	Place    string // what lists go by
}

// EntityFilter says which entities a list has.
type EntityFilter struct {
	Kind       PrincipalKind // empty: roles and users
	PathPrefix string        // of the entities' paths
	Attached   bool          // those that have it as a policy
	AsBoundary bool          // those that have it as their boundary
}

// PolicyEntities returns who has a policy, after a place, in the order of the places' bytes; an empty after begins.
func (tx *Tx) PolicyEntities(account, arn string, f EntityFilter, after string, limit int) ([]PolicyEntity, error) {
	flag := func(set bool) int64 {
		if set {
			return 1
		}
		return 0
	}
	var place string
	if f.Kind != "" {
		place = string(f.Kind) + "/"
	}
	var page []PolicyEntity
	args := []any{account, arn, flag(f.Attached), flag(f.AsBoundary), after, f.PathPrefix, place, int64(limit)}
	err := tx.rows(policyEntities, args, func(scan func(...any) error) error {
		var e PolicyEntity
		var kind string
		err := scan(&kind, &e.Name, &e.UniqueID, &e.Place)
		e.Kind = PrincipalKind(kind)
		page = append(page, e)
		return err
	})
	return page, err
}
