declare module 'virtual:catalogue/*' {
  const texts: Record<string, import('./lib/message').Text>
  export default texts
}
