import './app.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { start } from './ui/setting';

const target = document.getElementById('app');
if (target !== null) void start().then(() => mount(App, { target }));
