import { mount } from 'svelte'
import './app.css'
import App from './App.svelte'
import { session } from './lib/session.svelte'

await session.begin()
mount(App, { target: document.getElementById('app')! })
