import { mount } from 'svelte'
import './app.css'
import App from './App.svelte'
import { session } from './lib/session.svelte'
import { speak_forms } from './lib/valid'

speak_forms()
void session.begin().then(() => mount(App, { target: document.getElementById('app')! }))
