package oauth

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// keySet is the provider's key set. go-oidc fetches it when it is first needed
// and again, once, for a signature that none of its keys has made; this type
// bounds how long keys are kept.
type keySet struct {
	documents context.Context // carries the HTTP client, outlives requests
	url       string
	now       func() time.Time

	mu      sync.Mutex
	remote  *oidc.RemoteKeySet
	expires time.Time
}

func (c *Client) newKeySet(jwks string) *keySet {
	return &keySet{documents: oidc.ClientContext(context.Background(), c.documents), url: jwks, now: c.config.Now}
}

func (k *keySet) current() *oidc.RemoteKeySet {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := k.now(); k.remote == nil || !now.Before(k.expires) {
		k.remote, k.expires = oidc.NewRemoteKeySet(k.documents, k.url), now.Add(metadataLifetime)
	}
	return k.remote
}

// verification uses a key set once. It remembers whether verification failed
// for want of keys, which says nothing about the token.
type verification struct {
	keys    *keySet
	failure error
}

// VerifySignature implements oidc.KeySet.
func (v *verification) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := v.keys.current().VerifySignature(ctx, jwt)
	var request *url.Error
	if errors.As(err, &request) || ctx.Err() != nil {
		v.failure = err
	}
	return payload, err
}
