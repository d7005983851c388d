package store

import (
	"encoding/json"
	"strings"
)

// Document is a policy's text, with the name that explanations call it by.
type Document struct {
	Name string // of an inline policy its name, of a managed one its ARN
	Text string // empty for a managed policy that is not in the database: one that is built in
}

// PrincipalPolicies are all policies of a role or a user, always in the same order, and its tags.
type PrincipalPolicies struct {
	Inline   []Document
	Attached []Document // their default versions
	Boundary *Document  // nil: none
	Tags     map[string]string
}

// The inline policies of a role are found by its name, those of a user by the unique id.
var principalPolicies = map[PrincipalKind]*stmt{
	RoleKind: principalStatement("roles", "JOIN role_policies i ON i.account = e.account AND i.role_key = e.name_key"),
	UserKind: principalStatement("users", "JOIN user_policies i ON i.user_id = e.unique_id"),
}

// principalStatement reads everything of a principal at once. The part of the boundary always has a row: it tells a
// principal that has no policy from one that does not exist.
func principalStatement(table, inline string) *stmt {
	const defaultOf = `LEFT JOIN policies m ON m.arn = POLICY
		LEFT JOIN policy_versions v ON v.policy = m.unique_id AND v.version = m.default_version`
	return statement(strings.NewReplacer(
		"TABLE", table, "INLINE", inline, "ATTACHED", strings.ReplaceAll(defaultOf, "POLICY", "a.policy"),
		"BOUNDARY", strings.ReplaceAll(defaultOf, "POLICY", "e.boundary"), "THIS", "e.account = $1 AND e.unique_id = $2",
	).Replace(`SELECT 0 AS part, i.name AS name, i.document AS document FROM TABLE e INLINE WHERE THIS
		UNION ALL SELECT 1, a.policy, COALESCE(v.document, '')
			FROM TABLE e JOIN policy_attachments a ON a.entity = e.unique_id ATTACHED WHERE THIS
		UNION ALL SELECT 2, e.boundary, COALESCE(v.document, '') FROM TABLE e BOUNDARY WHERE THIS
		UNION ALL SELECT 3, e.tags, '' FROM TABLE e WHERE THIS
		ORDER BY 1, 2`))
}

// PrincipalPolicies returns the policies of a role or a user by its unique id, or ErrNotFound. One statement.
func (tx *Tx) PrincipalPolicies(account string, kind PrincipalKind, uniqueID string) (*PrincipalPolicies, error) {
	p := &PrincipalPolicies{}
	found := false
	err := tx.rows(principalPolicies[kind], []any{account, uniqueID}, func(scan func(...any) error) error {
		var part int64
		var d Document
		if err := scan(&part, &d.Name, &d.Text); err != nil {
			return err
		}
		switch {
		case part == 0:
			p.Inline = append(p.Inline, d)
		case part == 1:
			p.Attached = append(p.Attached, d)
		case part == 3:
			return json.Unmarshal([]byte(d.Name), &p.Tags)
		case d.Name != "":
			p.Boundary = &d
		}
		found = found || part == 2
		return nil
	})
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}
