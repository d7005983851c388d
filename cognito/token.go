package cognito

import (
	"context"

	"idpool/issuer"
)

// GetOpenIdTokenInput is the input of GetOpenIdToken.
type GetOpenIdTokenInput struct {
	IdentityId string            `api:"IdentityId,required"`
	Logins     map[string]string `api:"LoginsMap"`
}

// GetOpenIdTokenOutput is the output of GetOpenIdToken.
type GetOpenIdTokenOutput struct {
	IdentityId string
	Token      string
}

// GetOpenIdToken gives an OpenID token that anybody can verify, good for ten minutes: the first step of the classic flow.
func (s *Service) GetOpenIdToken(ctx context.Context, in *GetOpenIdTokenInput) (*GetOpenIdTokenOutput, error) {
	v, err := s.findIdentity(ctx, in.IdentityId)
	if err != nil {
		return nil, err
	}
	if err := v.allowsClassicFlow(); err != nil {
		return nil, err
	}
	if err := s.verify(ctx, v, in.Logins); err != nil {
		return nil, err
	}
	admitted, err := s.admit(ctx, v)
	if err != nil {
		return nil, err
	}
	id := admitted.ID.In(v.ref.Region)
	claims := issuer.Claims{Subject: id, Audience: v.pool.FullID(), AMR: v.amr(), PoolARN: v.pool.ARN()}
	token, err := s.Issuer.Mint(ctx, claims, issuer.TokenLifetime)
	if err != nil {
		return nil, err
	}
	return &GetOpenIdTokenOutput{IdentityId: id, Token: token}, nil
}

// allowsClassicFlow goes by what was said: a pool that never said anything allows it.
func (v *visit) allowsClassicFlow() error {
	switch {
	case v.pool.ClassicFlow != nil && !*v.pool.ClassicFlow:
		return invalidParameter("Basic (classic) flow is not enabled, please use enhanced flow.")
	case mapsRoles(&v.pool.Settings):
		return invalidParameter("Basic (classic) flow is not supported with RoleMappings, please use enhanced flow.")
	}
	return nil
}
