package cognito

import (
	"context"
	"errors"
	"slices"

	"idpool/iam"
	"idpool/identity"
	"idpool/store"
	"idpool/wire"
)

// IdentityDescription is an identity as the API shows it. Logins are the names of the providers, no more.
type IdentityDescription struct {
	IdentityId       string
	Logins           []string   `json:",omitempty"`
	CreationDate     *wire.Time `json:",omitempty"`
	LastModifiedDate *wire.Time `json:",omitempty"`
}

func describeIdentity(i *identity.Identity, region string) IdentityDescription {
	d := IdentityDescription{
		IdentityId: i.ID.In(region), CreationDate: timestamp(i.Created), LastModifiedDate: timestamp(i.Modified),
	}
	for _, l := range i.Logins {
		if !slices.Contains(d.Logins, l.Provider) { // of a developer's it may have several
			d.Logins = append(d.Logins, l.Provider)
		}
	}
	return d
}

// localID reads an id that a signed call in a region may name.
func localID(fullID, region string) (identity.ID, bool) {
	of, id, err := identity.ParseID(fullID)
	return id, err == nil && of == region
}

// DescribeIdentityInput is the input of DescribeIdentity.
type DescribeIdentityInput struct {
	IdentityId string `api:"IdentityId,required"`
}

// DescribeIdentity shows an identity of the account.
func (s *Service) DescribeIdentity(ctx context.Context, c wire.Caller, in *DescribeIdentityInput) (*IdentityDescription, error) {
	if err := s.mayIdentity(ctx, c, "DescribeIdentity", in.IdentityId); err != nil {
		return nil, err
	}
	id, ok := localID(in.IdentityId, c.Region)
	if !ok {
		return nil, noIdentity(in.IdentityId)
	}
	var found *identity.Identity
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		found, err = tx.IdentityOf(scope(c), id)
		return err
	})
	if err != nil {
		return nil, orNotFound(err, noIdentity(in.IdentityId))
	}
	return ptr(describeIdentity(found, c.Region)), nil
}

// DeleteIdentitiesInput is the input of DeleteIdentities.
type DeleteIdentitiesInput struct {
	IdentityIdsToDelete []string `api:"IdentityIdList,required"`
}

// DeleteIdentitiesOutput is the output of DeleteIdentities.
type DeleteIdentitiesOutput struct {
	UnprocessedIdentityIds []UnprocessedIdentityId
}

// UnprocessedIdentityId is an identity that was not deleted, and why.
type UnprocessedIdentityId struct {
	IdentityId string
	ErrorCode  string // AccessDenied; the other code of the model has no use here, where all are deleted or none
}

// DeleteIdentities removes identities of any of the account's pools in the region. One that is not there, or not the
// caller's, is told as AccessDenied; whether the original does the same for the first is not known.
func (s *Service) DeleteIdentities(ctx context.Context, c wire.Caller, in *DeleteIdentitiesInput) (*DeleteIdentitiesOutput, error) {
	ids := slices.Compact(slices.Sorted(slices.Values(in.IdentityIdsToDelete)))
	allowed, err := s.mayDelete(ctx, c, ids)
	if err != nil {
		return nil, err
	}
	var out *DeleteIdentitiesOutput
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		out = &DeleteIdentitiesOutput{UnprocessedIdentityIds: []UnprocessedIdentityId{}}
		for _, fullID := range ids {
			err := store.ErrNotFound
			if slices.Contains(allowed, fullID) {
				err = deleteIdentity(tx, c, fullID)
			}
			switch {
			case errors.Is(err, store.ErrNotFound):
				out.UnprocessedIdentityIds = append(out.UnprocessedIdentityIds, UnprocessedIdentityId{IdentityId: fullID, ErrorCode: "AccessDenied"})
			case err != nil:
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// mayDelete lists the identities that a caller may delete. A caller who may delete none of those he names is refused.
func (s *Service) mayDelete(ctx context.Context, c wire.Caller, ids []string) (allowed []string, err error) {
	var denied *iam.Denied
	for _, fullID := range ids {
		err := s.mayIdentity(ctx, c, "DeleteIdentities", fullID)
		if err == nil {
			allowed = append(allowed, fullID)
		} else if !errors.As(err, &denied) {
			return nil, err
		}
	}
	if len(allowed) == 0 && denied != nil {
		return nil, denied
	}
	return allowed, nil
}

func deleteIdentity(tx *store.Tx, c wire.Caller, fullID string) error {
	id, ok := localID(fullID, c.Region)
	if !ok {
		return store.ErrNotFound
	}
	if _, err := tx.IdentityOf(scope(c), id); err != nil {
		return err
	}
	return tx.DeleteIdentity(id)
}

// ListIdentitiesInput is the input of ListIdentities.
type ListIdentitiesInput struct {
	IdentityPoolId string `api:"IdentityPoolId,required"`
	MaxResults     int    `api:"QueryLimit,required"`
	NextToken      string `api:"PaginationKey"`
	HideDisabled   bool
}

// ListIdentitiesOutput is the output of ListIdentities.
type ListIdentitiesOutput struct {
	IdentityPoolId string
	Identities     []IdentityDescription
	NextToken      string `json:",omitempty"`
}

// ListIdentities shows a pool's identities by pages, in the order of their ids: an identity that is made meanwhile may or
// may not be seen, every other is seen once.
func (s *Service) ListIdentities(ctx context.Context, c wire.Caller, in *ListIdentitiesInput) (*ListIdentitiesOutput, error) {
	if err := s.may(ctx, c, "ListIdentities", in.IdentityPoolId); err != nil {
		return nil, err
	}
	book := s.book(c, "ListIdentities", in.IdentityPoolId)
	after, err := book.open(ctx, in.NextToken)
	if err != nil {
		return nil, err
	}
	var page []identity.Identity
	err = s.DB.ViewStale(ctx, func(tx *store.Tx) error {
		pool, err := ownPool(tx, c, in.IdentityPoolId)
		if err != nil {
			return err
		}
		page, err = tx.Identities(pool.Key, after, in.HideDisabled, in.MaxResults+1)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &ListIdentitiesOutput{IdentityPoolId: in.IdentityPoolId, Identities: []IdentityDescription{}}
	if len(page) > in.MaxResults {
		page = page[:in.MaxResults]
		if out.NextToken, err = book.seal(page[len(page)-1].ID[:]); err != nil {
			return nil, err
		}
	}
	for i := range page {
		out.Identities = append(out.Identities, describeIdentity(&page[i], c.Region))
	}
	return out, nil
}
