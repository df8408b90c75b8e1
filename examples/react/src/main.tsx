import { SessionExpiredError } from '@tokenhandler/client';
import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';

import { api, client, useSession } from './session';
import './style.css';

type Order = { id: string; item: string; quantity: number };

function App() {
  const { session, error } = useSession();
  if (error) return <Problem error={error} />;
  if (!session) return <p role="status">Loading…</p>;
  return session.isLoggedIn ? <Orders name={String(session.idTokenClaims?.name ?? 'user')} /> : <SignIn />;
}

function SignIn() {
  const [error, setError] = useState<Error>();
  return (
    <section>
      <p>You are signed out.</p>
      <button id="sign-in" onClick={() => client.login().catch(setError)}>Sign in</button>
      {error && <Problem error={error} />}
    </section>
  );
}

function Orders({ name }: { name: string }) {
  const [orders, setOrders] = useState<Order[]>();
  const [error, setError] = useState<Error>();

  async function load() {
    setError(undefined);
    try {
      const response = await client.fetch(`${api}/orders`);
      if (!response.ok) throw new Error(`The API returned ${response.status}.`);
      setOrders((await response.json()).orders);
    } catch (problem) {
      // After this error useSession shows the sign-in button.
      if (!(problem instanceof SessionExpiredError)) setError(problem as Error);
    }
  }

  return (
    <section>
      <p>Signed in as <strong id="user">{name}</strong> at <code id="place">{location.pathname + location.search + location.hash}</code></p>
      <button id="load" onClick={load}>Load orders</button>
      <button id="sign-out" className="secondary" onClick={() => client.logout().catch(setError)}>Sign out</button>
      {error && <Problem error={error} />}
      {orders && <ul id="orders">{orders.map((order) => <li key={order.id}>{order.quantity} × {order.item}</li>)}</ul>}
    </section>
  );
}

function Problem({ error }: { error: Error }) {
  return <p role="alert">{error.message} <a href="/">Start again</a></p>;
}

createRoot(document.getElementById('root')!).render(<StrictMode><main><h1>Orders</h1><App /></main></StrictMode>);
